create table products (
	id bigint not null auto_increment primary key,
	sku varchar(40) not null,
	name varchar(200) not null,
	price_cents bigint not null,
	picture longblob,
	constraint products_sku_key unique (sku),
	constraint products_price check (price_cents >= 0)
) engine = InnoDB auto_increment = 1001
  default character set utf8mb4 collate utf8mb4_bin;
