-- What the lines of each order come to; tests hold it against orders.total.
create view order_values as
select o.id as order_id, o.customer_id, o.state,
       count(l.line_no) as n_lines,
       coalesce(sum(l.quantity * l.price_cents), 0) as value_cents
from orders o
left join order_lines l on l.order_id = o.id
group by o.id, o.customer_id, o.state;
