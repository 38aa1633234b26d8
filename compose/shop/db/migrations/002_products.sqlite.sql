create table products (
	id integer primary key autoincrement,
	sku text not null,
	name text not null,
	price_cents integer not null,
	picture blob,
	constraint products_sku_key unique (sku),
	constraint products_price check (price_cents >= 0)
);
insert into sqlite_sequence (name, seq) values ('products', 1000);
