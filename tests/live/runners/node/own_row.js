// SPDX-License-Identifier: MIT
// One file's worth of tests that have never heard of testenv. A worker runs
// several files: it writes its row with the first, and finds it in the others.
const url = process.env.DATABASE_URL;

// Each gives a function that runs a statement, and one that closes.
async function postgres() {
	const { Client } = require('pg');
	const db = new Client({ connectionString: url });

	await db.connect();
	return [async (sql) => (await db.query(sql)).rows, () => db.end()];
}

async function mariadb() {
	const db = await require('mysql2/promise').createConnection(url);

	return [async (sql) => (await db.query(sql))[0], () => db.end()];
}

async function sqlite() {
	const { DatabaseSync } = require('@photostructure/sqlite');
	const db = new DatabaseSync(url.slice('sqlite:///'.length));

	return [async (sql) => db.prepare(sql).all(), () => db.close()];
}

module.exports = async function ownRow(worker) {
	const me = `worker ${worker}`;
	const open = { postgresql: postgres, mysql: mariadb, sqlite };
	const [query, close] = await open[url.slice(0, url.indexOf(':'))]();

	try {
		await query(`insert into seen values (1, '${me}')`);
	} catch (e) {
		if (!/duplicate|unique/i.test(e.message))
			throw e;
	}
	const rows = await query('select who from seen');
	// so that no worker does all of the work
	await new Promise((resolve) => setTimeout(resolve, 50));
	await close();
	if (rows.length !== 1 || rows[0].who !== me)
		throw new Error(`${me} saw ${JSON.stringify(rows)}`);
};
