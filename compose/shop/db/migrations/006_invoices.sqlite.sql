-- Numbers have no gaps: the counter's row is locked until the invoice is there.
create table invoice_counters (
	year integer not null primary key,
	last integer not null
);

create table invoices (
	id integer primary key autoincrement,
	number text not null,
	order_id integer not null,
	total_cents integer not null,
	paid_cents integer not null default 0,
	constraint invoices_number_key unique (number),
	constraint invoices_order_key unique (order_id),
	constraint invoices_order foreign key (order_id) references orders (id),
	constraint invoices_paid check (paid_cents between 0 and total_cents)
);
insert into sqlite_sequence (name, seq) values ('invoices', 1000);

-- An invoice that has left the house is paid or not, but never rewritten.
create trigger invoices_frozen before update on invoices
when new.number <> old.number or new.total_cents <> old.total_cents
begin
	select raise(abort, 'the invoice is issued; write another');
end;
