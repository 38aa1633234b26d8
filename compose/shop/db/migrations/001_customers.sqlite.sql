-- Ids below 1000 are the seed's, so that a test can tell its own rows.
create table customers (
	id integer primary key autoincrement,
	email text not null,
	name text not null,
	created_at text not null default (strftime('%Y-%m-%d %H:%M:%f', 'now')),
	constraint customers_email_key unique (email),
	constraint customers_email_at check (email like '%_@_%'),
	constraint customers_name_length check (length(name) <= 100)
);
insert into sqlite_sequence (name, seq) values ('customers', 1000);
