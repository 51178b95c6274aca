// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/allowed_functions.hpp"
#include "query/engine_setup.hpp"
#include "query/query_fixture.hpp"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace amp::query {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing::text;
using testing::World;

const std::string kHash(64, 'a');

/// One world for all tests of the file: blocks 0..9, logs 0..9 with two rows each.
class Gate : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        world_ = new World();
        const auto id = world_->store.add_dataset("eth", "dev", kHash,
                                                  R"({"tables":{"blocks":{},"logs":{},"transactions":{}}})",
                                                  {"blocks", "logs", "transactions"});
        world_->write(id, {"blocks", "logs"}, {0, 9}, 2);
        world_->store.add_dataset("other", "dev", kHash, "{}", {}, "evm-rpc", "team");
        world_->settle();
        world_->open_engine();
    }
    static void TearDownTestSuite() {
        delete world_;
        world_ = nullptr;
    }
    static std::string ask(std::string_view sql) { return text(*world_->engine, sql); }

    static World* world_;
};
World* Gate::world_ = nullptr;

TEST_F(Gate, RefusesEveryOtherStatement) {
    for (const std::string_view sql : {
             "CREATE TABLE t (a INT)",
             "CREATE VIEW v AS SELECT 1",
             "CREATE MACRO m(a) AS a",
             "CREATE SECRET (TYPE s3)",
             "CREATE SEQUENCE s",
             "CREATE TYPE x AS ENUM ('a')",
             "DROP TABLE t",
             "ALTER TABLE t ADD COLUMN b INT",
             "INSERT INTO t VALUES (1)",
             "UPDATE t SET a = 1",
             "DELETE FROM t",
             "TRUNCATE t",
             "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE",
             "COPY t TO 'f'",
             "COPY (SELECT 1) TO 'f'",
             "COPY t FROM 'f'",
             "EXPORT DATABASE 'd'",
             "IMPORT DATABASE 'd'",
             "ATTACH ':memory:' AS m",
             "DETACH m",
             "USE m",
             "INSTALL httpfs",
             "LOAD httpfs",
             "PRAGMA version",
             "PRAGMA database_list",
             "SET threads = 1",
             "SET VARIABLE a = 1",
             "RESET threads",
             "CALL pragma_version()",
             "CHECKPOINT",
             "VACUUM",
             "ANALYZE",
             "PREPARE p AS SELECT 1",
             "EXECUTE p",
             "DEALLOCATE p",
             "BEGIN",
             "COMMIT",
             "ROLLBACK",
             "COMMENT ON TABLE t IS 'x'",
             "SHOW ALL TABLES",
             "SHOW DATABASES",
             "SHOW TABLES FROM eth",
             "SUMMARIZE eth.blocks",
             "SUMMARIZE SELECT 1",
             "DESCRIBE",
             "EXPLAIN CREATE TABLE t (a INT)",
             "EXPLAIN INSERT INTO t VALUES (1)",
             "EXPLAIN ANALYZE DELETE FROM t",
             "PIVOT eth.logs ON log_index USING count(*)",
             "SELECT * FROM (SUMMARIZE eth.blocks)",
             "SELECT * FROM (SHOW DATABASES)",
         })
        EXPECT_THAT(ask(sql), ::testing::AnyOf(StartsWith("INVALID_PLAN: "), StartsWith("SQL_PARSE_ERROR: ")))
            << sql;
    EXPECT_THAT(ask("INSERT INTO t VALUES (1)"), HasSubstr("INSERT"));
    EXPECT_THAT(ask("WITH c AS (INSERT INTO t VALUES (1)) SELECT 1"), StartsWith("SQL_PARSE_ERROR"));
    EXPECT_THAT(ask("SELECT 1 INTO t"), StartsWith("SQL_PARSE_ERROR"));
    EXPECT_THAT(ask("SELECT 1; SELECT 2"), StartsWith("SQL_PARSE_ERROR"));
    EXPECT_THAT(ask(";"), ::testing::AnyOf(StartsWith("SQL_PARSE_ERROR"), StartsWith("INVALID_QUERY")));
    EXPECT_THAT(ask("SELEC 1"), HasSubstr("line 1, column 1"));
    EXPECT_THAT(ask("SELECT 1 SETTINGS stream = true"), StartsWith("STREAMING_NOT_SUPPORTED"));
    EXPECT_THAT(ask("SELECT ?"), StartsWith("INVALID_PARAMETERS"));
    EXPECT_THAT(ask("SELECT $1"), StartsWith("INVALID_PARAMETERS"));
}

TEST_F(Gate, RefusesFunctionsAnywhere) {
    for (const std::string call : {
             "current_setting('threads')",
             "getvariable('x')",
             "getenv('HOME')",
             "nextval('s')",
             "currval('s')",
             "setseed(0.5)",
             "txid_current()",
             "current_query()",
             "current_schema()",
             "current_schemas(true)",
             "current_database()",
             "version()",
             "pg_typeof(1)",
             "pg_get_viewdef(1)",
             "has_table_privilege('t', 'x')",
             "sleep_ms(1)",
             "pg_sleep(1)",
             "write_log('x')",
             "json_serialize_sql('SELECT 1')",
             "json_serialize_plan('SELECT 1')",
             "json_deserialize_sql('{}')",
             "query('SELECT 1')",
             "__internal_decompress_string(1)",
             "__amp_u64(1)",
             "__amp_bytes('x', 1, true)",
             "main.getvariable('x')",
             "GetVariable('x')",
             "\"getvariable\"('x')",
             "current_user",
             "session_user",
             "CURRENT_SCHEMA",
             "user",
         }) {
        for (const std::string& sql : {
                 "SELECT " + call,
                 "SELECT 1 WHERE " + call + " IS NOT NULL",
                 "WITH c AS (SELECT " + call + " AS a) SELECT a FROM c",
                 "SELECT (SELECT " + call + ")",
                 "SELECT 1 ORDER BY " + call,
                 "SELECT list_transform([1], lambda x: " + call + ")",
                 "VALUES (" + call + ")",
                 "SELECT count(*) FILTER (WHERE " + call + " IS NULL)",
                 "SELECT sum(1) OVER (PARTITION BY " + call + ")",
                 "SELECT lag(1, 1, " + call + ") OVER ()",
                 "SELECT 1 AS a GROUP BY ALL HAVING " + call + " IS NULL",
                 "SELECT * FROM unnest([" + call + "])",
                 "SELECT /* x */ " + call + " -- y",
                 "EXPLAIN SELECT " + call,
                 "SELECT 1 LIMIT CASE WHEN " + call + " IS NULL THEN 1 ELSE 2 END",
                 "SELECT DISTINCT ON (" + call + ") 1",
                 "SELECT * REPLACE (" + call + " AS a) FROM (SELECT 1 AS a)",
             })
            EXPECT_THAT(ask(sql),
                        ::testing::AnyOf(StartsWith("INVALID_PLAN: "), StartsWith("SQL_PARSE_ERROR: ")))
                << sql;
    }
    EXPECT_THAT(ask("SELECT ds.f(1)"), StartsWith("CATALOG_FOR_SQL_ERROR"));
    EXPECT_THAT(ask("SELECT a.b.f(1)"), StartsWith("FUNCTION_REFERENCE_RESOLUTION"));
    EXPECT_THAT(ask("SELECT uper('x')"), HasSubstr("did you mean \"upper\""));
    EXPECT_THAT(ask("SELECT block_num()"), HasSubstr("block_num() is only supported in streaming queries"));
}

TEST_F(Gate, RefusesTableFunctionsAndFiles) {
    for (const std::string name :
         {"read_parquet",     "parquet_scan",    "read_csv",       "read_csv_auto",
          "read_json",        "read_text",       "read_blob",      "glob",
          "sniff_csv",        "query",           "query_table",    "json_execute_serialized_sql",
          "duckdb_tables",    "duckdb_settings", "pragma_version", "pragma_table_info",
          "which_secret",     "enable_logging",  "checkpoint",     "summary",
          "parquet_metadata", "__amp_scan",      "test_all_types", "repeat_row",
          "seq_scan"})
        for (const std::string& sql : {"SELECT * FROM " + name + "('/etc/passwd')", "FROM " + name + "()",
                                       "SELECT (SELECT count(*) FROM " + name + "('x'))"})
            EXPECT_THAT(ask(sql), StartsWith("INVALID_PLAN: ")) << sql;
    for (const std::string_view sql :
         {"SELECT * FROM 'x.parquet'", "SELECT * FROM '/etc/passwd'", "FROM \"s3://bucket/x\"",
          "SELECT * FROM read_parquet", "SELECT * FROM sqlite_master", "SELECT * FROM duckdb_tables",
          "SELECT * FROM pg_catalog.pg_class", "SELECT * FROM main.x",
          "SELECT * FROM system.main.duckdb_tables", "SELECT * FROM memory.main.x", "SELECT * FROM temp.x",
          "TABLE pg_class"})
        EXPECT_THAT(ask(sql),
                    ::testing::AnyOf(StartsWith("UNQUALIFIED_TABLE"), StartsWith("TABLE_REFERENCE"),
                                     StartsWith("CATALOG_FOR_SQL"), StartsWith("CATALOG_QUALIFIED")))
            << sql;
    // A name that is a common table expression elsewhere opens nothing here.
    EXPECT_THAT(ask("SELECT * FROM duckdb_tables, (WITH duckdb_tables AS (SELECT 1 AS a) SELECT a FROM "
                    "duckdb_tables)"),
                StartsWith("UNQUALIFIED_TABLE"));
    EXPECT_THAT(ask("WITH a AS (SELECT * FROM sqlite_master), sqlite_master AS (SELECT 1) SELECT * FROM a"),
                StartsWith("UNQUALIFIED_TABLE"));
    EXPECT_THAT(ask("WITH sqlite_master AS (SELECT * FROM sqlite_master) SELECT * FROM sqlite_master"),
                StartsWith("UNQUALIFIED_TABLE"));
    EXPECT_EQ(ask("WITH sqlite_master AS (SELECT 5 AS a) SELECT a FROM SQLITE_MASTER"), "5");
    EXPECT_EQ(ask("SELECT * FROM range(3) t(a)"), "0\n1\n2");
    EXPECT_EQ(ask("SELECT unnest([3, 4]) AS a"), "3\n4");
}

TEST_F(Gate, TheEngineBehindItOpensNothingEither) {
    auto database = open_database(*world_->objects, {.memory_bytes = 64 << 20, .threads = 1});
    ASSERT_TRUE(database.ok());
    duckdb::Connection connection(**database);
    for (const char* sql :
         {"SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM '/etc/passwd.csv'",
          "COPY (SELECT 1) TO '/tmp/amp-gate-test.csv'", "ATTACH '/tmp/amp-gate-test.db' AS a",
          "INSTALL httpfs", "LOAD httpfs", "SET enable_external_access = true", "SET threads = 1",
          "SELECT * FROM glob('/etc/*')", "SELECT * FROM read_text('amp-x://a')"})
        EXPECT_TRUE(connection.Query(sql)->HasError()) << sql;
}

TEST_F(Gate, FunctionListsMatchTheEngine) {
    auto database = open_database(*world_->objects, {.memory_bytes = 64 << 20, .threads = 1});
    ASSERT_TRUE(database.ok());
    duckdb::Connection connection(**database);
    const auto rows = connection.Query(
        "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE function_type IN ('scalar', "
        "'aggregate', "
        "'macro') AND function_name NOT LIKE '\\_\\_amp%' ESCAPE '\\'");
    std::set<std::string> known;
    for (const auto& row : *rows) known.insert(row.GetValue<std::string>(0));
    for (const std::string& name : known)
        EXPECT_NE(is_allowed_function(name), is_refused_function(name))
            << "the engine has the function " << name << ": put it into one of the lists";
    const std::set<std::string> binder_only = {"coalesce", "grouping", "grouping_id", "unlist", "unnest"};
    for (const std::string_view name : allowed_functions())
        EXPECT_TRUE(known.contains(std::string(name)) || binder_only.contains(std::string(name))) << name;
    EXPECT_TRUE(std::ranges::is_sorted(allowed_functions()));
    EXPECT_TRUE(std::ranges::is_sorted(refused_functions()));
}

TEST_F(Gate, ResolvesNames) {
    for (const std::string_view table :
         {"eth.blocks", "ETH.Blocks", "\"_/eth\".blocks", "\"eth@dev\".blocks", "\"_/eth@dev\".\"blocks\""})
        EXPECT_EQ(ask("SELECT count(*) FROM " + std::string(table)), "20") << table;
    EXPECT_EQ(ask("SELECT count(*) FROM \"eth@" + kHash + "\".blocks"), "20");
    EXPECT_EQ(ask("SELECT count(*) FROM \"team/other\".logs"), "0");
    EXPECT_THAT(ask("SELECT * FROM blocks"), StartsWith("UNQUALIFIED_TABLE: "));
    EXPECT_THAT(ask("SELECT * FROM blocks"), HasSubstr("eth.blocks"));
    EXPECT_THAT(ask("SELECT * FROM a.eth.blocks"), StartsWith("CATALOG_QUALIFIED_TABLE"));
    EXPECT_THAT(ask("SELECT * FROM x.a.eth.blocks"), StartsWith("CATALOG_QUALIFIED_TABLE"));
    EXPECT_THAT(ask("SELECT * FROM ehh.blocks"), HasSubstr("did you mean \"eth\""));
    EXPECT_THAT(ask("SELECT * FROM eth.block"), HasSubstr("did you mean \"blocks\""));
    EXPECT_THAT(ask("SELECT * FROM eth.block"), StartsWith("CATALOG_FOR_SQL_ERROR"));
    EXPECT_THAT(ask("SELECT hsh FROM eth.blocks"), StartsWith("PLANNING_ERROR: "));
    EXPECT_THAT(ask("SELECT hsh FROM eth.blocks"), HasSubstr("\"hash\""));
    EXPECT_THAT(ask("SELECT hsh FROM eth.blocks"), HasSubstr("line 1, column 8"));
    EXPECT_THAT(ask("SELECT hsh FROM eth.blocks"), Not(HasSubstr("LINE")));
    EXPECT_THAT(ask("SELECT * FROM eth.blocks AT (VERSION => 3)"), StartsWith("INVALID_PLAN"));
}

TEST_F(Gate, ColumnsMayCarryTheReference) {
    EXPECT_EQ(ask("SELECT max(eth.blocks.block_num) FROM eth.blocks WHERE blocks.block_num < 5"), "4");
    EXPECT_EQ(ask("SELECT max(\"_/eth@dev\".blocks.block_num) FROM \"_/eth@dev\".blocks"), "9");
    EXPECT_EQ(ask("SELECT max(b.block_num) FROM eth.blocks b"), "9");
    EXPECT_EQ(ask("SELECT count(*) FROM eth.blocks JOIN \"eth@dev\".blocks ON eth.blocks.block_num = "
                  "\"eth@dev\".blocks.block_num"),
              "40");
    EXPECT_EQ(ask("SELECT (SELECT max(l.log_index) FROM eth.logs l WHERE l.block_num = eth.blocks.block_num) "
                  "AS m FROM "
                  "eth.blocks GROUP BY ALL"),
              "1");
    EXPECT_THAT(ask("SELECT b.block_num FROM eth.blocks"), StartsWith("PLANNING_ERROR"));
}

TEST_F(Gate, ReservesNamesAndRefusesDuplicates) {
    for (const std::string_view sql :
         {"SELECT 0 AS _block_num", "SELECT block_num AS _x FROM eth.blocks",
          "SELECT a FROM (SELECT 1 AS _y, 2 AS a)", "WITH c(_z) AS (SELECT 1) SELECT 1 AS a FROM c",
          "SELECT 1 AS a FROM (VALUES (1)) t(_v)", "SELECT * RENAME (block_num AS _q) FROM eth.blocks",
          "SELECT 1 AS a UNION ALL SELECT 2 AS _a"}) {
        EXPECT_THAT(ask(sql), StartsWith("INVALID_PLAN: ")) << sql;
        EXPECT_THAT(ask(sql), HasSubstr("alias starting with '_'")) << sql;
    }
    EXPECT_THAT(ask("SELECT * FROM eth.blocks, eth.logs"),
                StartsWith("INVALID_PLAN: Duplicate field names: "));
    EXPECT_THAT(ask("SELECT * FROM eth.blocks, eth.logs"), HasSubstr("blocks.block_num and logs.block_num"));
    EXPECT_THAT(ask("SELECT 1 AS a, 2 AS a"), HasSubstr("a and a"));
    EXPECT_THAT(ask("SELECT logs.* FROM eth.blocks, eth.logs LIMIT 1"), Not(HasSubstr("INVALID_PLAN")));
    EXPECT_EQ(ask("SELECT _block_num FROM eth.blocks WHERE _block_num = 3"), "3\n3");
}

TEST_F(Gate, ShowsAndDescribes) {
    EXPECT_EQ(ask("SHOW TABLES"),
              "eth|blocks\neth|logs\neth|transactions\nteam/other|blocks\nteam/other|logs\nteam/"
              "other|transactions");
    EXPECT_THAT(ask("DESCRIBE eth.blocks"),
                StartsWith("_block_num|UBIGINT|NO\nblock_num|UBIGINT|NO\ntimestamp|TIMESTAMP "
                           "WITH TIME ZONE|NO\nhash|BYTES32|NO\n"));
    EXPECT_EQ(ask("DESCRIBE SELECT 1 AS a, block_num - 1 AS b, miner FROM eth.blocks"),
              "a|BIGINT|NO\nb|BIGINT|YES\nminer|BYTES20|NO");
    EXPECT_EQ(ask("SELECT data_type FROM (DESCRIBE eth.logs) WHERE column_name = 'address'"), "BYTES20");
    EXPECT_EQ(ask("SELECT table_name FROM information_schema.tables WHERE table_schema = 'eth' ORDER BY 1"),
              "blocks\nlogs\ntransactions");
    EXPECT_EQ(ask("SELECT column_name, ordinal_position, is_nullable, data_type FROM "
                  "information_schema.columns WHERE "
                  "table_schema = 'eth' AND table_name = 'logs' AND ordinal_position IN (1, 9) ORDER BY 2"),
              "_block_num|1|NO|UBIGINT\ntopic0|9|YES|BYTES32");
    EXPECT_THAT(ask("SELECT * FROM information_schema.routines"), StartsWith("CATALOG_FOR_SQL_ERROR"));
    const std::string plan = ask("EXPLAIN SELECT hash FROM eth.blocks WHERE block_num = 1");
    EXPECT_THAT(plan, Not(HasSubstr(".parquet")));
    EXPECT_THAT(plan, Not(HasSubstr("amp-")));
    const std::string run_plan = ask("EXPLAIN ANALYZE SELECT hash FROM eth.blocks WHERE block_num = 1");
    EXPECT_THAT(run_plan, Not(HasSubstr("eth/blocks")));
    EXPECT_THAT(run_plan, Not(HasSubstr("ERROR")));
    const auto explained = testing::run(*world_->engine, "EXPLAIN SELECT 1");
    ASSERT_TRUE(explained.ok());
    EXPECT_EQ(explained->schema->field_names(), (std::vector<std::string>{"plan_type", "plan"}));
}

TEST_F(Gate, AllowsWhatItShould) {
    EXPECT_EQ(ask("VALUES (1, 'a'), (2, 'b')"), "1|a\n2|b");
    EXPECT_EQ(
        ask("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT n FROM t"),
        "1\n2\n3");
    EXPECT_EQ(ask("FROM eth.blocks SELECT count(*)"), "20");
    EXPECT_EQ(ask("SELECT a FROM (PIVOT (SELECT 1 AS a, 2 AS b, 3 AS c) ON b IN (2) USING sum(c))"), "1");
    EXPECT_EQ(
        ask("SELECT block_num, row_number() OVER (ORDER BY block_num) AS r FROM eth.logs QUALIFY r = 3"),
        "1|3");
    EXPECT_EQ(ask("SELECT count(*) FROM eth.blocks TABLESAMPLE 100%"), "20");
    EXPECT_EQ(ask("TABLE \"team/other\".blocks"), "");
    EXPECT_EQ(ask("SELECT DISTINCT from FROM eth.transactions"), "");
    EXPECT_EQ(ask("SELECT 'abc' ~ 'b', 'abc' !~ 'z', regexp_full_match('abc', 'b') AS f"), "true|true|false");
    EXPECT_EQ(ask("SELECT * EXCEPT (a) FROM (SELECT 1 AS a, 2 AS b)"), "2");
    EXPECT_EQ(ask("SELECT x.f FROM (SELECT {'f': 3} AS x)"), "3");
    EXPECT_EQ(ask("SELECT 7/2 AS a, 1/0 AS b"), "3|NULL");
    EXPECT_EQ(ask("SELECT a FROM (VALUES (1), (NULL), (2)) t(a) ORDER BY a DESC"), "NULL\n2\n1");
    EXPECT_EQ(ask("SELECT a FROM (VALUES (1), (NULL), (2)) t(a) ORDER BY a"), "1\n2\nNULL");
}

}  // namespace
}  // namespace amp::query
