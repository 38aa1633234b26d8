create table orders (
	id bigint not null auto_increment primary key,
	customer_id bigint not null,
	state varchar(10) not null default 'open',
	total_cents bigint not null,
	constraint orders_customer foreign key (customer_id)
		references customers (id),
	constraint orders_state check (state in ('open', 'cancelled')),
	constraint orders_total check (total_cents >= 0)
) engine = InnoDB auto_increment = 1001
  default character set utf8mb4 collate utf8mb4_bin;
create index orders_by_customer on orders (customer_id, id);
