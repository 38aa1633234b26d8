// SPDX-License-Identifier: MIT
// One file's worth of tests that have never heard of testenv. A worker runs
// several files: it writes its row with the first, and finds it in the others.
const { Client } = require('pg');

module.exports = async function ownRow(worker) {
	const me = `worker ${worker}`;
	const db = new Client({ connectionString: process.env.DATABASE_URL });

	await db.connect();
	try {
		await db.query('insert into seen values (1, $1)', [me]);
	} catch (e) {
		if (e.code !== '23505')
			throw e;
	}
	const { rows } = await db.query('select who from seen');
	// so that no worker does all of the work
	await new Promise((resolve) => setTimeout(resolve, 50));
	await db.end();
	if (rows.length !== 1 || rows[0].who !== me)
		throw new Error(`${me} saw ${JSON.stringify(rows)}`);
};
