create table orders (
	id integer primary key autoincrement,
	customer_id integer not null,
	state text not null default 'open',
	total_cents integer not null,
	constraint orders_customer foreign key (customer_id)
		references customers (id),
	constraint orders_state check (state in ('open', 'cancelled')),
	constraint orders_total check (total_cents >= 0)
);
create index orders_by_customer on orders (customer_id, id);
insert into sqlite_sequence (name, seq) values ('orders', 1000);
