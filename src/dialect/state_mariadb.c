/* SPDX-License-Identifier: MIT */
/*
 * What a MariaDB database holds, out of information_schema. Where a definition
 * names the database itself the name is left out, so that a copy under another
 * one has the same.
 */
#include "dialect/state_private.h"

#include "base/error.h"
#include "dialect/db.h"

static const char settings[] =
    "SET SESSION group_concat_max_len = 1073741824, sql_mode = '', "
    "time_zone = '+00:00', max_statement_time = 0";

/* Around a query for kinds, names and definitions. */
static const char lines_begin[] =
    "SELECT GROUP_CONCAT(CONCAT(kind, '\\t', REPLACE(REPLACE(REPLACE(name, "
    "'\\\\', '\\\\\\\\'), '\\t', '\\\\t'), '\\n', '\\\\n'), '\\t\\t', "
    "REPLACE(REPLACE(REPLACE(COALESCE(def, ''), '\\\\', '\\\\\\\\'), "
    "'\\t', '\\\\t'), '\\n', '\\\\n')) ORDER BY kind, name SEPARATOR "
    "'\\n') FROM (";
static const char lines_end[] = ") AS x";

static const char tables[] =
    "SELECT 'database' AS kind, '' AS name, CONCAT_WS(' ', "
    "DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME) AS def FROM "
    "information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE() "
    "UNION ALL SELECT CASE TABLE_TYPE WHEN 'VIEW' THEN 'view' WHEN "
    "'SEQUENCE' THEN 'sequence' ELSE 'table' END, TABLE_NAME, CONCAT_WS(' "
    "', ENGINE, ROW_FORMAT, TABLE_COLLATION, CREATE_OPTIONS, "
    "TABLE_COMMENT, CONCAT('auto_increment ', AUTO_INCREMENT)) FROM "
    "information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() "
    "UNION ALL SELECT 'column', CONCAT(TABLE_NAME, '.', COLUMN_NAME), "
    "CONCAT_WS(' ', COLUMN_TYPE, IF(IS_NULLABLE = 'NO', 'not null', NULL), "
    "CONCAT('default ', COLUMN_DEFAULT), NULLIF(EXTRA, ''), "
    "COLLATION_NAME, GENERATION_EXPRESSION, CONCAT('-- ', "
    "ORDINAL_POSITION, ' ', COLUMN_COMMENT)) FROM "
    "information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() "
    "UNION ALL SELECT 'index', CONCAT(TABLE_NAME, '.', INDEX_NAME), "
    "CONCAT_WS(' ', MAX(INDEX_TYPE), MAX(NON_UNIQUE), MAX(INDEX_COMMENT), "
    "GROUP_CONCAT(CONCAT_WS(':', COLUMN_NAME, SUB_PART, COLLATION) ORDER "
    "BY SEQ_IN_INDEX)) FROM information_schema.STATISTICS WHERE "
    "TABLE_SCHEMA = DATABASE() GROUP BY TABLE_NAME, INDEX_NAME "
    "UNION ALL SELECT 'foreign key', CONCAT(r.TABLE_NAME, '.', "
    "r.CONSTRAINT_NAME), CONCAT_WS(' ', r.REFERENCED_TABLE_NAME, "
    "r.UPDATE_RULE, r.DELETE_RULE, (SELECT GROUP_CONCAT(CONCAT_WS(' ', "
    "k.COLUMN_NAME, k.REFERENCED_COLUMN_NAME) ORDER BY k.ORDINAL_POSITION) "
    "FROM information_schema.KEY_COLUMN_USAGE k WHERE k.CONSTRAINT_SCHEMA "
    "= DATABASE() AND k.TABLE_NAME = r.TABLE_NAME AND k.CONSTRAINT_NAME = "
    "r.CONSTRAINT_NAME)) FROM information_schema.REFERENTIAL_CONSTRAINTS r "
    "WHERE r.CONSTRAINT_SCHEMA = DATABASE() "
    "UNION ALL SELECT 'check', CONCAT(TABLE_NAME, '.', CONSTRAINT_NAME), "
    "CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS WHERE "
    "CONSTRAINT_SCHEMA = DATABASE()";

static const char programs[] =
    "SELECT 'view definition' AS kind, TABLE_NAME AS name, CONCAT_WS(' ', "
    "REPLACE(VIEW_DEFINITION, CONCAT('`', DATABASE(), '`.'), ''), "
    "CHECK_OPTION, DEFINER, SECURITY_TYPE, CHARACTER_SET_CLIENT, "
    "COLLATION_CONNECTION, ALGORITHM) AS def FROM information_schema.VIEWS "
    "WHERE TABLE_SCHEMA = DATABASE() "
    "UNION ALL SELECT 'trigger', TRIGGER_NAME, CONCAT_WS(' ', "
    "ACTION_TIMING, EVENT_MANIPULATION, EVENT_OBJECT_TABLE, ACTION_ORDER, "
    "ACTION_STATEMENT, SQL_MODE, DEFINER, CHARACTER_SET_CLIENT, "
    "COLLATION_CONNECTION) FROM information_schema.TRIGGERS WHERE "
    "TRIGGER_SCHEMA = DATABASE() "
    "UNION ALL SELECT LOWER(ROUTINE_TYPE), ROUTINE_NAME, CONCAT_WS(' ', "
    "DTD_IDENTIFIER, ROUTINE_DEFINITION, IS_DETERMINISTIC, "
    "SQL_DATA_ACCESS, SECURITY_TYPE, SQL_MODE, ROUTINE_COMMENT, DEFINER, "
    "(SELECT GROUP_CONCAT(CONCAT_WS(' ', PARAMETER_MODE, PARAMETER_NAME, "
    "p.DTD_IDENTIFIER) ORDER BY p.ORDINAL_POSITION) FROM "
    "information_schema.PARAMETERS p WHERE p.SPECIFIC_SCHEMA = DATABASE() "
    "AND p.SPECIFIC_NAME = r.SPECIFIC_NAME AND p.ROUTINE_TYPE = "
    "r.ROUTINE_TYPE)) FROM information_schema.ROUTINES r WHERE "
    "ROUTINE_SCHEMA = DATABASE() "
    "UNION ALL SELECT 'event', EVENT_NAME, CONCAT_WS(' ', "
    "EVENT_DEFINITION, EVENT_TYPE, EXECUTE_AT, INTERVAL_VALUE, "
    "INTERVAL_FIELD, STARTS, ENDS, STATUS, ON_COMPLETION, SQL_MODE, "
    "DEFINER, EVENT_COMMENT) FROM information_schema.EVENTS WHERE "
    "EVENT_SCHEMA = DATABASE()";

/* The sum does not depend on the order in which the rows are found. */
static const char ask_rows[] =
    "SELECT CONCAT('SELECT CONCAT(', GROUP_CONCAT(sql_ ORDER BY t "
    "SEPARATOR ', '), ')') FROM (SELECT c.TABLE_NAME AS t, CONCAT('(SELECT "
    "CONCAT(', QUOTE(CONCAT('rows\\t', "
    "REPLACE(REPLACE(REPLACE(c.TABLE_NAME, '\\\\', '\\\\\\\\'), '\\t', "
    "'\\\\t'), '\\n', '\\\\n'), '\\t')), ', COUNT(*), ''\\t'', "
    "COALESCE(SUM(CAST(CONV(LEFT(MD5(CONCAT_WS('','', ', "
    "GROUP_CONCAT(CONCAT('QUOTE(', CONCAT('`', REPLACE(c.COLUMN_NAME, '`', "
    "'``'), '`'), ')') ORDER BY c.ORDINAL_POSITION), ')), 15), 16, 10) AS "
    "UNSIGNED)), 0), ''\\n'') FROM ', CONCAT('`', REPLACE(c.TABLE_NAME, "
    "'`', '``'), '`'), ')') AS sql_ FROM information_schema.COLUMNS c JOIN "
    "information_schema.TABLES t USING (TABLE_SCHEMA, TABLE_NAME) WHERE "
    "c.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE IN ('BASE TABLE', "
    "'SYSTEM VERSIONED') GROUP BY c.TABLE_NAME) AS x";

static const char ask_sequences[] =
    "SELECT CONCAT('SELECT CONCAT(', GROUP_CONCAT(CONCAT('(SELECT "
    "CONCAT_WS('' '', ', QUOTE(CONCAT('sequence value\\t', "
    "REPLACE(REPLACE(REPLACE(TABLE_NAME, '\\\\', '\\\\\\\\'), '\\t', "
    "'\\\\t'), '\\n', '\\\\n'), '\\t\\t')), ', next_not_cached_value, "
    "minimum_value, maximum_value, start_value, increment, cache_size, "
    "cycle_option, ''\\n'') FROM ', CONCAT('`', REPLACE(TABLE_NAME, '`', "
    "'``'), '`'), ')') SEPARATOR ', '), ')') FROM "
    "information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND "
    "TABLE_TYPE = 'SEQUENCE'";

static int add(struct db *db, const char *query,
	       const struct deadline *deadline, struct buf *ret,
	       struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	buf_printf(&sql, "%s%s%s", lines_begin, query, lines_end);
	return state_add(db, sql.s, deadline, ret, err);
}

int mariadb_state(struct db *db, const struct deadline *deadline,
		  struct buf *ret, struct error *err)
{
	if (db_exec(db, settings, deadline, err) < 0 ||
	    add(db, tables, deadline, ret, err) < 0 ||
	    add(db, programs, deadline, ret, err) < 0 ||
	    state_add_made(db, ask_rows, deadline, ret, err) < 0)
		return -1;
	return state_add_made(db, ask_sequences, deadline, ret, err);
}
