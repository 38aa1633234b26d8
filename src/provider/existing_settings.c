/* SPDX-License-Identifier: MIT */
/*
 * What CREATE DATABASE leaves behind of its template: settings, privileges, the
 * connection limit. Here nobody is a superuser, so it is said again in SQL by
 * the one who said it to the template.
 */
#include "provider/existing.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/db.h"

/*
 * A setting's value is stored as SHOW tells it. Lists of names are in double
 * quotes where they need them, and have to be given back name by name: those of
 * the server's own that are such lists have not changed since 9.2, and
 * pg_dump knows them by name as well.
 */
/* clang-format off */
static const char settings[] =
    "SELECT string_agg(format('ALTER %s SET %s TO %s',"
    " CASE s.setrole WHEN 0 THEN format('DATABASE %I', n.copy)"
    "  ELSE format('ROLE %I IN DATABASE %I',"
    "   pg_get_userbyid(s.setrole), n.copy) END,"
    " (SELECT string_agg(quote_ident(part), '.')"
    "  FROM unnest(string_to_array(c.name, '.')) part),"
    " CASE WHEN c.name IN ('search_path', 'temp_tablespaces',"
    "   'local_preload_libraries', 'session_preload_libraries')"
    "  THEN coalesce((SELECT string_agg(quote_literal("
    "    CASE WHEN starts_with(m[1], '\"')"
    "     THEN replace(substr(m[1], 2, length(m[1]) - 2), '\"\"', '\"')"
    "     ELSE m[1] END), ', ')"
    "   FROM regexp_matches(c.value, '(\"(?:[^\"]|\"\")*\"|[^, ]+)', 'g') m),"
    "   '''''')"
    "  ELSE quote_literal(c.value) END), ';')"
    " FROM names n JOIN pg_database d ON d.datname = n.template"
    " JOIN pg_db_role_setting s ON s.setdatabase = d.oid,"
    " LATERAL (SELECT left(t, strpos(t, '=') - 1), substr(t, strpos(t, '=') + 1)"
    "  FROM unnest(s.setconfig) t) c (name, value)";

/* Of an owner who took rights from himself, too. */
static const char privileges[] =
    "SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC, %I',"
    "  n.copy, pg_get_userbyid(d.datdba))"
    " || coalesce((SELECT string_agg(format(';GRANT %s ON DATABASE %I TO %s%s',"
    "   a.privilege_type, n.copy,"
    "   CASE a.grantee WHEN 0 THEN 'PUBLIC'"
    "    ELSE quote_ident(pg_get_userbyid(a.grantee)) END,"
    "   CASE WHEN a.is_grantable AND a.grantee <> d.datdba"
    "    THEN ' WITH GRANT OPTION' ELSE '' END), '')"
    "  FROM aclexplode(d.datacl) a), '')"
    " FROM names n JOIN pg_database d ON d.datname = n.template"
    " WHERE d.datacl IS NOT NULL";

static const char limit[] =
    "SELECT format('ALTER DATABASE %I CONNECTION LIMIT %s',"
    "  n.copy, d.datconnlimit)"
    " FROM names n JOIN pg_database d ON d.datname = n.template"
    " WHERE d.datconnlimit <> -1";
/* clang-format on */

int existing_carry(struct db *db, const char *template, const char *copy,
		   const struct deadline *deadline, struct error *err)
{
	auto_buf struct buf ask = BUF_INIT;
	auto_free char *sql = NULL;

	buf_puts(&ask, "WITH names (template, copy) AS (SELECT ");
	db_put_literal(DIALECT_POSTGRES, &ask, template);
	buf_puts(&ask, "::text, ");
	db_put_literal(DIALECT_POSTGRES, &ask, copy);
	buf_printf(&ask, "::text) SELECT concat_ws(';', (%s), (%s), (%s))",
		   settings, privileges, limit);
	if (db_value(db, ask.s, deadline, &sql, err) < 0 ||
	    (sql && *sql && db_exec(db, sql, deadline, err) < 0))
		return error_wrap(err, "settings of '%s'", template);
	return 0;
}
