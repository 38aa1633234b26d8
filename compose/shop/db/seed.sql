insert into customers (id, email, name) values
	(1, 'grace@shop.example', 'Grace Hopper'),
	(2, 'edsger@shop.example', 'Edsger W. Dijkstra'),
	(3, 'barbara@shop.example', 'Barbara Liskov');

insert into products (id, sku, name, price_cents) values
	(1, 'TEA-100', 'Tea; green, 100 g', 450),
	(2, 'TEA-250', 'Tea; green, 250 g', 999),
	(3, 'CUP-1', 'Cup, it''s blue', 1250),
	(4, 'POT-1', 'Teapot', 3495),
	(5, 'SET-6', 'Tea set -- six cups', 12000);

insert into stock (product_id, counted, on_hand) values
	(1, 40, 40), (2, 40, 40), (3, 40, 40), (4, 10, 10), (5, 2, 2);

insert into invoice_counters (year, last) values (2026, 0);
