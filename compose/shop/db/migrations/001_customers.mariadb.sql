-- Ids below 1000 are the seed's, so that a test can tell its own rows.
-- utf8mb4_bin: the default collation takes all emoji for the same letter, and
-- a UNIQUE name with it.
create table customers (
	id bigint not null auto_increment primary key,
	email varchar(200) not null,
	name varchar(100) not null,
	created_at datetime(6) not null default current_timestamp(6),
	constraint customers_email_key unique (email),
	constraint customers_email_at check (email like '%_@_%')
) engine = InnoDB auto_increment = 1001
  default character set utf8mb4 collate utf8mb4_bin;
