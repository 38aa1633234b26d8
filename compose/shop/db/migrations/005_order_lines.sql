create table order_lines (
	order_id bigint not null,
	line_no int not null,
	product_id bigint not null,
	quantity bigint not null,
	price_cents bigint not null,
	primary key (order_id, line_no),
	constraint order_lines_order foreign key (order_id)
		references orders (id) on delete cascade,
	constraint order_lines_product foreign key (product_id)
		references products (id),
	constraint order_lines_quantity check (quantity > 0)
);
create index order_lines_by_product on order_lines (product_id);
