/* SPDX-License-Identifier: MIT */
/*
 * What a Postgres database holds, out of its catalogues: those objects by which
 * people tell databases apart each with a definition as the server writes it,
 * all others as their catalogue's row, but for its oid. A clone has the same
 * oids as its template, so that rows that name others by oid are equal, too.
 */
#include "dialect/state_private.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dialect/db.h"

/* How values are written must not depend on the database's own settings. The
 * one that only a superuser may set is left alone where it is as it should be.
 */
static const char settings[] =
    "SELECT set_config('session_replication_role', 'origin', false) WHERE"
    " current_setting('session_replication_role') <> 'origin';"
    "SET search_path = '';"
    "SET standard_conforming_strings = on; SET row_security = off;"
    "SET datestyle = 'ISO, MDY'; SET intervalstyle = postgres;"
    "SET timezone = 'UTC'; SET extra_float_digits = 1;"
    "SET bytea_output = hex; SET xmloption = content;"
    "SET lc_monetary = 'C'; SET lc_numeric = 'C';"
    "SET statement_timeout = 0; SET lock_timeout = 0;"
    "SET quote_all_identifiers = off; SET enable_indexscan = on";

#define ESCAPED_NAME                                                    \
	"replace(replace(replace(name, '\\', '\\\\'), E'\\t', '\\t'), " \
	"E'\\n', "                                                      \
	"'\\n')"

/* Around a query for kinds, names and definitions. */
static const char lines_begin[] =
    "SELECT string_agg(kind || E'\\t' || " ESCAPED_NAME
    " || E'\\t\\t' || replace(replace(replace(coalesce(def, ''), '\\', "
    "'\\\\'), E'\\t', '\\t'), E'\\n', '\\n'), E'\\n' ORDER BY kind, name) "
    "FROM (";
/* What is temporary is its session's. */
static const char lines_end[] =
    ") AS x (kind, name, def) WHERE name !~ '^pg_temp_'";

/* In what follows, oids from 16384 on are those of objects that somebody made.
 */
static const char database[] =
    "SELECT 'database', '', concat_ws(' ', 'owner', "
    "pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, "
    "datctype, 'limit', datconnlimit, datacl, shobj_description(oid, "
    "'pg_database')) FROM pg_database WHERE datname = current_database() "
    "UNION ALL SELECT 'setting', coalesce((SELECT rolname FROM pg_roles "
    "WHERE oid = s.setrole), ''), array_to_string(s.setconfig, ' ') FROM "
    "pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE "
    "d.datname = current_database() "
    "UNION ALL SELECT 'schema', format('%I', nspname), concat_ws(' ', "
    "'owner', pg_get_userbyid(nspowner), nspacl) FROM pg_namespace WHERE "
    "nspname !~ '^pg_(toast|temp)' "
    "UNION ALL SELECT 'privileges', 'of the system', (SELECT "
    "md5(string_agg(c.oid || '=' || c.relacl::text, ' ' ORDER BY c.oid)) "
    "FROM pg_class c WHERE c.oid < 16384 AND c.relacl IS NOT NULL) || "
    "(SELECT md5(string_agg(p.oid || '=' || coalesce(p.proacl::text, '') || "
    "p.prosrc, ' ' ORDER BY p.oid)) FROM pg_proc p WHERE p.oid < 16384)";

static const char relations[] =
    "SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized "
    "view' WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'type' WHEN 'f' THEN "
    "'foreign table' ELSE 'table' END, format('%I.%I', n.nspname, "
    "c.relname), concat_ws(' ', c.relpersistence, 'owner', "
    "pg_get_userbyid(c.relowner), c.relacl, c.reloptions, t.reloptions, "
    "c.relrowsecurity, c.relforcerowsecurity, c.relreplident, "
    "c.relispopulated, (SELECT amname FROM pg_am WHERE oid = c.relam), "
    "(SELECT spcname FROM pg_tablespace WHERE oid = c.reltablespace), CASE "
    "WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END, "
    "pg_get_expr(c.relpartbound, c.oid), nullif(c.reloftype, 0)::regtype, "
    "CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END, "
    "(SELECT string_agg(inhparent::regclass::text, ',' ORDER BY inhseqno) "
    "FROM pg_inherits WHERE inhrelid = c.oid), (SELECT "
    "string_agg(tgenabled::text, '' ORDER BY oid) FROM pg_trigger WHERE "
    "tgrelid = c.oid AND tgisinternal), (SELECT concat_ws(' ', "
    "seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcache, "
    "seqcycle) FROM pg_sequence WHERE seqrelid = c.oid), (SELECT f.ftserver "
    "|| ' ' || f.ftoptions::text FROM pg_foreign_table f WHERE f.ftrelid = "
    "c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "LEFT JOIN pg_class t ON t.oid = c.reltoastrelid WHERE c.relkind IN "
    "('r', 'p', 'v', 'm', 'S', 'f', 'c') AND c.oid >= 16384 AND "
    "c.relpersistence <> 't' "
    "UNION ALL SELECT 'column', format('%I.%I', n.nspname, c.relname) || "
    "format('.%I', a.attname), concat_ws(' ', format_type(a.atttypid, "
    "a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END, CASE "
    "a.attidentity WHEN 'a' THEN 'identity' WHEN 'd' THEN 'identity by "
    "default' END, CASE WHEN a.attgenerated <> '' THEN 'generated ' || "
    "a.attgenerated::text END, 'default ' || pg_get_expr(d.adbin, "
    "d.adrelid), CASE WHEN a.attcollation NOT IN (0, 100) THEN 'collate ' "
    "|| a.attcollation::regcollation END, (SELECT string_agg(o, ',') FROM "
    "unnest(a.attoptions) AS o WHERE o NOT LIKE 'pg\\_attver=%'), "
    "a.attfdwoptions, a.attacl, '-- ' || concat_ws(' ', a.attnum, "
    "a.attstorage, to_jsonb(a) ->> 'attcompression', a.attstattarget, "
    "a.attislocal, a.attinhcount)) FROM pg_attribute a JOIN pg_class c ON "
    "c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace LEFT "
    "JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE "
    "a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', "
    "'m', 'f', 'c') AND c.oid >= 16384 AND c.relpersistence <> 't' "
    "UNION ALL SELECT 'index', format('%I.%I', n.nspname, c.relname), "
    "concat_ws(' ', pg_get_indexdef(c.oid), i.indisvalid, i.indisready, "
    "i.indisclustered, i.indisreplident, (SELECT spcname FROM pg_tablespace "
    "WHERE oid = c.reltablespace), (SELECT "
    "string_agg(inhparent::regclass::text, ',') FROM pg_inherits WHERE "
    "inhrelid = c.oid), (SELECT string_agg(a.attstattarget::text, ',' ORDER "
    "BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid)) FROM "
    "pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class r ON "
    "r.oid = i.indrelid AND r.relkind <> 't' JOIN pg_namespace n ON n.oid = "
    "c.relnamespace WHERE c.oid >= 16384 AND c.relpersistence <> 't'";

static const char others[] =
    "SELECT 'constraint', coalesce(nullif(conrelid, 0)::regclass::text, "
    "nullif(contypid, 0)::regtype::text, '') || format('.%I', conname), "
    "concat_ws(' ', pg_get_constraintdef(oid), convalidated, conislocal, "
    "coninhcount) FROM pg_constraint WHERE oid >= 16384 "
    "UNION ALL SELECT 'trigger', tgrelid::regclass || format('.%I', "
    "tgname), pg_get_triggerdef(oid) || ' ' || tgenabled::text FROM "
    "pg_trigger WHERE NOT tgisinternal "
    "UNION ALL SELECT 'rule', ev_class::regclass || format('.%I', "
    "rulename), pg_get_ruledef(oid) || ' ' || ev_enabled::text FROM "
    "pg_rewrite WHERE oid >= 16384 AND rulename <> '_RETURN' "
    "UNION ALL SELECT CASE prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN "
    "'aggregate' ELSE 'function' END, p.oid::regprocedure::text, "
    "concat_ws(' ', CASE WHEN prokind = 'a' THEN (to_jsonb(p) - "
    "'oid')::text ELSE pg_get_functiondef(p.oid) END, 'owner', "
    "pg_get_userbyid(proowner), proacl, (SELECT (to_jsonb(a) - 'aggfnoid') "
    "::text FROM pg_aggregate a WHERE a.aggfnoid = p.oid)) FROM pg_proc p "
    "WHERE p.oid >= 16384 "
    "UNION ALL SELECT CASE typtype WHEN 'd' THEN 'domain' WHEN 'e' THEN "
    "'enum' ELSE 'type' END, t.oid::regtype::text, concat_ws(' ', CASE WHEN "
    "typtype = 'd' THEN format_type(typbasetype, typtypmod) END, "
    "typnotnull, typdefault, 'owner', pg_get_userbyid(typowner), typacl, "
    "(SELECT string_agg(quote_literal(enumlabel), ',' ORDER BY "
    "enumsortorder) FROM pg_enum WHERE enumtypid = t.oid), CASE WHEN "
    "typtype IN ('r', 'm') THEN (SELECT (to_jsonb(r) - 'rngtypid' - "
    "'rngmultitypid')::text FROM pg_range r WHERE rngtypid = t.oid) WHEN "
    "typtype = 'b' THEN (to_jsonb(t) - 'oid')::text END) FROM pg_type t "
    "WHERE t.oid >= 16384 AND typtype <> 'c' AND NOT EXISTS (SELECT FROM "
    "pg_type e WHERE e.typarray = t.oid) "
    "UNION ALL SELECT 'comment', coalesce((i).type || ' ' || (i).identity, "
    "objoid::text), description FROM (SELECT *, "
    "pg_identify_object(classoid, objoid, objsubid) AS i FROM "
    "pg_description WHERE objoid >= 16384 OR classoid = "
    "'pg_namespace'::regclass) AS c "
    "UNION ALL SELECT 'security label', coalesce((i).identity, ''), "
    "provider || ' ' || label FROM (SELECT *, pg_identify_object(classoid, "
    "objoid, objsubid) AS i FROM pg_seclabel) AS c "
    "UNION ALL SELECT 'text search mapping', mapcfg::regconfig::text, "
    "string_agg(m::text, ' ' ORDER BY maptokentype, mapseqno) FROM "
    "pg_ts_config_map m WHERE mapcfg >= 16384 GROUP BY mapcfg";

/* Page by page, which only a superuser may; or each as a whole. */
#define LARGE_OBJECT                                                   \
	"SELECT 'large object', m.oid::text, concat_ws(' ', 'owner', " \
	"pg_get_userbyid(lomowner), lomacl, "
static const char ask_may_see_pages[] =
    "SELECT has_table_privilege('pg_catalog.pg_largeobject', 'SELECT')";
static const char pages[] =
    LARGE_OBJECT "(SELECT count(*) || ' ' || "
		 "sum(hashtextextended(pageno || l.data::text, 0)::numeric) "
		 "FROM pg_largeobject l WHERE l.loid = m.oid)) FROM "
		 "pg_largeobject_metadata m";
static const char large_objects[] =
    LARGE_OBJECT "hashtextextended(lo_get(m.oid)::text, 0)) FROM "
		 "pg_largeobject_metadata m";

/* The rest of what can be made in a database; not every version has each. */
static const char ask_catalogues[] =
    "SELECT string_agg(format('SELECT (i).type, coalesce((i).identity, "
    "o::text), j FROM (SELECT c.oid AS o, pg_identify_object(%s, c.oid, 0) "
    "AS i, (to_jsonb(c) - ''oid'')::text AS j FROM pg_catalog.%I AS c "
    "WHERE c.oid >= 16384) AS c', oid, relname), ' UNION ALL ') "
    "FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace "
    "AND relkind = 'r' AND relname IN ('pg_am', 'pg_amop', 'pg_amproc', "
    "'pg_cast', 'pg_collation', 'pg_conversion', 'pg_default_acl', "
    "'pg_event_trigger', 'pg_extension', 'pg_foreign_data_wrapper', "
    "'pg_foreign_server', 'pg_language', 'pg_opclass', 'pg_operator', "
    "'pg_opfamily', 'pg_policy', 'pg_publication', 'pg_publication_rel', "
    "'pg_publication_namespace', 'pg_statistic_ext', 'pg_transform', "
    "'pg_ts_config', 'pg_ts_dict', 'pg_ts_parser', 'pg_ts_template', "
    "'pg_user_mapping') AND has_table_privilege(oid, 'SELECT')";

/* A list of scalar subqueries nests no deeper however many there are. The sum
 * does not depend on the order in which the rows are found. */
#define ASK_BEGIN "SELECT 'SELECT array_to_string(ARRAY[' || string_agg(format("
#define ASK_END                                                                \
	"), ', ') || '], E''\\n'')' FROM (SELECT *, " ESCAPED_NAME " AS line " \
	"FROM (SELECT relkind, relispopulated, format('%I.%I', n.nspname, "    \
	"c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = "   \
	"c.relnamespace WHERE c.oid >= 16384 AND c.relpersistence <> 't') AS " \
	"c) AS c WHERE "
static const char ask_rows[] = ASK_BEGIN
    "'(SELECT %L || count(*) || E''\\t'' || coalesce(sum(hashtextextended("
    "(testenv_row.*)::text, 0)::numeric), 0) FROM ONLY %s AS testenv_row)', "
    "E'rows\\t' || line || E'\\t', name" ASK_END
    "relkind = 'r' OR (relkind = 'm' AND relispopulated)";
static const char ask_sequences[] = ASK_BEGIN
    "'(SELECT %L || last_value || '' '' || is_called FROM %s)', "
    "E'sequence value\\t' || line || E'\\t\\t', name" ASK_END "relkind = 'S'";

static int add(struct db *db, const char *query,
	       const struct deadline *deadline, struct buf *ret,
	       struct error *err)
{
	auto_buf struct buf sql = BUF_INIT;

	buf_printf(&sql, "%s%s%s", lines_begin, query, lines_end);
	return state_add(db, sql.s, deadline, ret, err);
}

static int add_large_objects(struct db *db, const struct deadline *deadline,
			     struct buf *ret, struct error *err)
{
	auto_free char *may = NULL;

	if (db_value(db, ask_may_see_pages, deadline, &may, err) < 0)
		return -1;
	return add(db, may && *may == 't' ? pages : large_objects, deadline,
		   ret, err);
}

int postgres_state(struct db *db, const struct deadline *deadline,
		   struct buf *ret, struct error *err)
{
	auto_free char *catalogues = NULL;

	if (db_exec(db, settings, deadline, err) < 0 ||
	    add(db, database, deadline, ret, err) < 0 ||
	    add(db, relations, deadline, ret, err) < 0 ||
	    add(db, others, deadline, ret, err) < 0 ||
	    add_large_objects(db, deadline, ret, err) < 0 ||
	    db_value(db, ask_catalogues, deadline, &catalogues, err) < 0 ||
	    add(db, catalogues, deadline, ret, err) < 0)
		return -1;
	if (state_add_made(db, ask_sequences, deadline, ret, err) < 0)
		return -1;
	return state_add_made(db, ask_rows, deadline, ret, err);
}

int postgres_sequences(struct db *db, const struct deadline *deadline,
		       struct buf *ret, struct error *err)
{
	return state_add_made(db, ask_sequences, deadline, ret, err);
}
