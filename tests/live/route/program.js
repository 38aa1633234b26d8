// SPDX-License-Identifier: MIT
// As program.c, by the module that NODE_SQLITE names.
'use strict';
const fs = require('fs');
const path = require('path');
const [file, mode, name] = process.argv.slice(2);
const module_ = require(process.env.NODE_SQLITE);
const Database = module_.DatabaseSync || module_.Database || module_;

fs.mkdirSync(path.dirname(file), {recursive: true});
fs.statSync(path.dirname(file));
const db = new Database(file);
let out = db.prepare(`PRAGMA journal_mode=${mode}`).get().journal_mode + ' ';
db.exec('CREATE TABLE IF NOT EXISTS t(name TEXT)');
db.exec('BEGIN');
db.prepare('INSERT INTO t VALUES (?)').run(name);
out += ['-wal', '-shm', '-journal'].filter((s) => fs.existsSync(file + s)).join('') + ' ';
db.exec('COMMIT');
out += db.prepare('SELECT name FROM t').all().map((r) => r.name + ' ').join('');
db.exec('VACUUM');
console.log(out);
if (fs.statSync(file).size === 0 || !/so\/db\/app.sqlite$/.test(fs.realpathSync(file)))
  process.exit(1);
db.close();
