-- counted is what the last stocktaking found; on_hand is what is there now.
create table stock (
	product_id bigint not null primary key,
	counted bigint not null,
	on_hand bigint not null,
	constraint stock_product foreign key (product_id)
		references products (id),
	constraint stock_not_negative check (on_hand >= 0)
);
