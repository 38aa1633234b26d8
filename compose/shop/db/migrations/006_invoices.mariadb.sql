-- Numbers have no gaps: the counter's row is locked until the invoice is there.
create table invoice_counters (
	year int not null primary key,
	last bigint not null
);

create table invoices (
	id bigint not null auto_increment primary key,
	number varchar(20) not null,
	order_id bigint not null,
	total_cents bigint not null,
	paid_cents bigint not null default 0,
	constraint invoices_number_key unique (number),
	constraint invoices_order_key unique (order_id),
	constraint invoices_order foreign key (order_id) references orders (id),
	constraint invoices_paid check (paid_cents between 0 and total_cents)
) engine = InnoDB auto_increment = 1001
  default character set utf8mb4 collate utf8mb4_bin;

-- An invoice that has left the house is paid or not, but never rewritten.
delimiter //
create trigger invoices_frozen before update on invoices for each row
begin
	declare why varchar(100);
	if new.number <> old.number or new.total_cents <> old.total_cents then
		set why = concat('invoice ', old.number,
				 ' is issued; write another');
		signal sqlstate '45000' set message_text = why;
	end if;
end//
delimiter ;
