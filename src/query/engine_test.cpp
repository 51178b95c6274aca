// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/engine.hpp"

#include "query/query_fixture.hpp"

#include <arrow/api.h>
#include <arrow/util/byte_size.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace amp::query {
namespace {

using testing::block_hash;
using ::testing::HasSubstr;
using testing::run;
using ::testing::StartsWith;
using testing::text;
using testing::World;

const std::string kHash(64, 'a');
const std::vector<std::string> kTables = {"blocks", "logs", "transactions"};
constexpr const char* kManifest = R"({"tables":{"blocks":{},"logs":{},"transactions":{}}})";

std::string hash_hex(BlockNum block) { return to_hex(block_hash(block).view()); }

/// eth: blocks 0..9 in three segments, the first without the added columns. half: transactions lag behind.
class Query : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        world_ = new World();
        const auto id = world_->store.add_dataset("eth", "dev", kHash, kManifest, kTables);
        world_->write(id, kTables, {0, 3}, 2, true);
        world_->write(id, kTables, {4, 6}, 2);
        world_->write(id, kTables, {7, 9}, 2);
        const auto half = world_->store.add_dataset("half", "dev", kHash, kManifest, kTables);
        world_->write(half, {"blocks"}, {0, 4});
        world_->write(half, {"blocks"}, {5, 9});
        world_->write(half, {"logs"}, {0, 4});
        world_->store.add_dataset("none", "dev", kHash, kManifest, {"blocks"});
        world_->settle();
        world_->open_engine();
    }
    static void TearDownTestSuite() {
        delete world_;
        world_ = nullptr;
    }
    static std::string ask(std::string_view sql) { return text(*world_->engine, sql); }
    static std::string types(std::string_view sql) {
        const auto plan = world_->engine->plan(sql);
        if (!plan.ok()) return plan.error().reason + ": " + plan.error().message;
        std::string out;
        for (const auto& field : plan->schema->fields())
            out += (out.empty() ? "" : ", ") + field->type()->ToString() + (field->nullable() ? "?" : "");
        return out;
    }

    static World* world_;
};
World* Query::world_ = nullptr;

TEST_F(Query, StarHasTheDeclaredSchemaOfEveryTable) {
    for (const std::string dataset : {"eth", "none"})
        for (const std::string& table : kTables) {
            const auto plan = world_->engine->plan("SELECT * FROM " + dataset + "." + table);
            ASSERT_TRUE(plan.ok()) << plan.error().message;
            const auto declared = columnar::declared_schema(*columnar::find_table("evm-rpc", table));
            ASSERT_EQ(plan->schema->num_fields(), declared->num_fields());
            for (int i = 0; i < declared->num_fields(); ++i)
                EXPECT_TRUE(plan->schema->field(i)->Equals(declared->field(i)))
                    << table << ": " << plan->schema->field(i)->ToString() << " instead of "
                    << declared->field(i)->ToString();
            const auto result =
                run(*world_->engine, "SELECT * FROM " + dataset + "." + table + " ORDER BY block_num");
            ASSERT_TRUE(result.ok()) << result.error().message;
            EXPECT_EQ(result->rows->num_rows(), dataset == "eth" ? 20 : 0);
        }
}

TEST_F(Query, SchemaOfOtherKinds) {
    for (const std::string kind : {"firehose", "eth-beacon"})
        for (const columnar::TableSpec& table : columnar::tables_of(kind)) {
            World world;
            world.store.add_dataset("d", "dev", kHash, "{}", {}, kind);
            world.settle();
            world.open_engine();
            const auto plan = world.engine->plan("SELECT * FROM d." + std::string(table.name));
            ASSERT_TRUE(plan.ok()) << plan.error().message;
            EXPECT_TRUE(plan->schema->Equals(*columnar::declared_schema(table), false))
                << plan->schema->ToString();
        }
}

TEST_F(Query, ReadsValuesBitForBit) {
    EXPECT_EQ(ask("SELECT hash, miner, block_num, gas_limit, nonce, difficulty, size FROM eth.blocks WHERE "
                  "block_num = 5 "
                  "ORDER BY miner LIMIT 1"),
              hash_hex(5) + "|" +
                  std::string(40, '0').replace(0, 40, "0101010101010101010101010101010101010101") +
                  "|5|18446744073709551610|18446744073709551610|12|1005");
    EXPECT_EQ(ask("SELECT timestamp::VARCHAR AS t FROM eth.blocks WHERE block_num = 0 LIMIT 1"),
              "2023-11-14 22:13:20+00");
    const auto result = run(*world_->engine, "SELECT timestamp FROM eth.blocks WHERE block_num = 2 LIMIT 1");
    ASSERT_TRUE(result.ok());
    const auto stamp = std::static_pointer_cast<arrow::TimestampArray>(result->rows->column(0)->chunk(0));
    EXPECT_EQ(stamp->Value(0), 1'700'000'002'000'000'000);
    EXPECT_EQ(ask("SELECT unnest(uncle_hashes) AS u FROM eth.blocks WHERE block_num = 4 LIMIT 2"),
              std::string(64, '0').replace(
                  0, 64, "6565656565656565656565656565656565656565656565656565656565656565") +
                  "\n" + "6666666666666666666666666666666666666666666666666666666666666666");
    EXPECT_EQ(ask("SELECT authorization_list[1].chain_id AS a, authorization_list[1].nonce AS b FROM "
                  "eth.transactions "
                  "WHERE block_num = 5 LIMIT 1"),
              "18446744073709551610|18446744073709551610");
    EXPECT_EQ(
        types("SELECT authorization_list[1].chain_id AS a, withdrawals[1].index AS b, uncle_hashes[1] AS c, "
              "withdrawals[1].address AS d FROM eth.transactions t JOIN eth.blocks b USING (block_num)"),
        "uint64?, uint64?, fixed_size_binary[32]?, fixed_size_binary[20]?");
}

TEST_F(Query, MissingAddedColumnsAreNull) {
    EXPECT_EQ(ask("SELECT block_num, size, uncle_hashes IS NULL AS n FROM eth.blocks WHERE block_num IN (3, "
                  "4) GROUP BY "
                  "ALL ORDER BY 1"),
              "3|NULL|true\n4|1004|false");
    EXPECT_EQ(ask("SELECT count(size) AS a, count(*) AS b FROM eth.blocks"), "12|20");
}

TEST_F(Query, UnsignedColumnsAreSignedInExpressions) {
    EXPECT_EQ(ask("SELECT min(block_num - 100) AS a FROM eth.blocks"), "-100");
    EXPECT_EQ(
        types("SELECT block_num - 100 AS a, coalesce(block_num, -1) AS b, block_num AS c, log_index AS d, "
              "log_index + 1 AS e FROM eth.logs"),
        "int64?, int64?, uint64, uint32, int32?");
    EXPECT_EQ(ask("SELECT count(*) FROM eth.logs WHERE block_num < 5.2"), "12");
    EXPECT_EQ(ask("SELECT count(*) FROM eth.logs WHERE block_num IN (1, -3)"), "2");
    EXPECT_EQ(ask("SELECT count(*) FROM eth.logs WHERE log_index < 5000000000"), "20");
    EXPECT_EQ(ask("SELECT count(*) FROM eth.logs WHERE block_num = log_index + 1"), "2");
    EXPECT_EQ(ask("SELECT count(*) FROM eth.logs WHERE block_num = 5.4"), "0");
    EXPECT_EQ(ask("SELECT count(*) FROM eth.blocks WHERE gas_limit > 9223372036854775807"), "20");
    EXPECT_EQ(ask("SELECT count(*) FROM eth.blocks WHERE gas_limit = 18446744073709551610"), "2");
    EXPECT_EQ(ask("SELECT count(*) FROM eth.blocks WHERE gas_limit < 0"), "0");
    EXPECT_EQ(ask("SELECT max(gas_limit) AS a, min(nonce) AS b FROM eth.blocks"),
              "18446744073709551615|18446744073709551606");
    EXPECT_THAT(ask("SELECT gas_limit + 100 AS a FROM eth.blocks"), StartsWith("EXECUTION_ERROR"));
    EXPECT_EQ(types("SELECT gas_limit, gas_limit - gas_used AS d, block_num::UBIGINT AS u FROM eth.blocks"),
              "uint64, decimal128(38, 0)?, uint64?");
}

TEST_F(Query, DeclaredTypesTravel) {
    const std::string all = "uint64?, fixed_size_binary[32]?";
    for (const std::string_view sql : {
             "SELECT max(block_num) AS a, min(hash) AS b FROM eth.blocks",
             "SELECT first(block_num) AS a, any_value(hash) AS b FROM eth.blocks",
             "SELECT arg_max(block_num, gas_used) AS a, arg_min(hash, gas_used) AS b FROM eth.blocks",
             "SELECT lag(block_num) OVER (ORDER BY block_num) AS a, first_value(hash) OVER (ORDER BY "
             "block_num) AS b FROM "
             "eth.blocks",
             "SELECT CASE WHEN gas_used > 3 THEN block_num END AS a, CASE WHEN gas_used > 3 THEN hash END AS "
             "b FROM "
             "eth.blocks",
             "SELECT coalesce(b.block_num, l.block_num) AS a, coalesce(hash, block_hash) AS b FROM "
             "eth.blocks b JOIN "
             "eth.logs l USING (block_num)",
             "SELECT greatest(block_num, gas_used) AS a, least(hash, parent_hash) AS b FROM eth.blocks",
             "SELECT l.block_num AS a, l.block_hash AS b FROM eth.blocks b LEFT JOIN eth.logs l ON "
             "b.block_num = "
             "l.block_num",
             "SELECT (SELECT max(block_num) FROM eth.logs) AS a, (SELECT max(block_hash) FROM eth.logs) AS b",
             "SELECT [block_num][1] AS a, {'x': hash}.x AS b FROM eth.blocks",
             "SELECT unnest(list(block_num)) AS a, unnest(list(hash)) AS b FROM eth.blocks",
         })
        EXPECT_EQ(types(sql), all) << sql;
    const std::string required = "uint64, fixed_size_binary[32]";
    for (const std::string_view sql : {
             "WITH t AS (SELECT * FROM eth.blocks) SELECT t.block_num AS a, u.hash AS b FROM t JOIN t u "
             "USING (_block_num)",
             "WITH t AS MATERIALIZED (SELECT * FROM eth.blocks) SELECT block_num AS a, hash AS b FROM t",
             "SELECT a, b FROM (SELECT block_num AS a, hash AS b FROM eth.blocks ORDER BY 1 LIMIT 3) x WHERE "
             "a > 1",
             "SELECT block_num AS a, hash AS b FROM eth.blocks UNION ALL SELECT block_num, block_hash FROM "
             "eth.logs",
             "SELECT block_num AS a, hash AS b FROM eth.blocks UNION SELECT block_num, block_hash FROM "
             "eth.logs",
             "SELECT block_num AS a, hash AS b FROM eth.blocks GROUP BY 1, 2",
             "SELECT DISTINCT block_num AS a, hash AS b FROM eth.blocks",
             "SELECT b.block_num AS a, b.hash AS b FROM eth.blocks b LEFT JOIN eth.logs l ON b.block_num = "
             "l.block_num",
         })
        EXPECT_EQ(types(sql), required) << sql;
    EXPECT_EQ(types("SELECT block_num AS a FROM eth.blocks UNION ALL SELECT 5"), "int64");
    EXPECT_EQ(types("SELECT list(hash) AS a, list(block_num) AS b FROM eth.blocks"),
              "list<item: fixed_size_binary[32]>?, list<item: uint64>?");
    EXPECT_EQ(types("WITH RECURSIVE t(n) AS (SELECT min(block_num) FROM eth.blocks UNION ALL SELECT n - 1 "
                    "FROM t WHERE n "
                    "> -2) SELECT n FROM t"),
              "int64?");
}

TEST_F(Query, ResultTypesOfExpressions) {
    EXPECT_EQ(types("SELECT 1, 2 + 3, [1, 2] AS l, 'a' AS s, 1.5 AS d, NULL AS n"),
              "int64, int64?, list<item: int64>?, string, decimal128(2, 1), int32?");
    EXPECT_EQ(ask("SELECT 1"), "1");
    EXPECT_EQ(types("SELECT count(*), count(hash) AS c, sum(block_num) AS s, sum(difficulty) AS d, "
                    "sum(detail_level) AS i, "
                    "avg(block_num) AS v, sum(nonce) AS n, sum(block_num - 1) AS m FROM eth.blocks"),
              "int64, int64, uint64?, decimal128(38, 0)?, int64?, double?, uint64?, int64?");
    EXPECT_EQ(ask("SELECT sum(block_num) AS a, sum(block_num - 5) AS b, count(*) FROM eth.blocks"),
              "90|-10|20");
    EXPECT_EQ(ask("SELECT sum(block_num) OVER (ORDER BY block_num) AS a FROM half.blocks ORDER BY 1 LIMIT 3"),
              "0\n1\n3");
    EXPECT_THAT(ask("SELECT sum(nonce) AS a FROM eth.blocks"), StartsWith("EXECUTION_ERROR"));
    EXPECT_THAT(ask("SELECT sum(x) AS a FROM (VALUES (9223372036854775807), (1)) t(x)"),
                StartsWith("EXECUTION_ERROR"));
    EXPECT_EQ(types("SELECT 170141183460469231731687303715884105727 AS h"), "decimal128(38, 0)");
    EXPECT_THAT(ask("SELECT 170141183460469231731687303715884105727 AS h"), StartsWith("VALUE_OUT_OF_RANGE"));
    EXPECT_EQ(ask("SELECT 12345678901234567890123 AS h"), "12345678901234567890123");
    EXPECT_THAT(ask("SELECT TIMESTAMPTZ '3000-01-01 00:00:00+00' AS t"), StartsWith("VALUE_OUT_OF_RANGE"));
    EXPECT_EQ(
        types(
            "SELECT TIMESTAMP '2020-01-01' AS t, now() AS n, DATE '2020-01-01' AS d, uuid() AS u, true AS b, "
            "1::DOUBLE AS f, {'a': 'x'} AS s, map {'a': 1} AS m, interval 1 day AS i, x'00' AS x"),
        "timestamp[ns], timestamp[ns, tz=+00:00]?, date32[day], string?, bool, double, struct<a: string>?, "
        "map<string, int32>?, month_day_nano_interval?, binary");
    EXPECT_THAT(types("SELECT union_value(a := 1) AS u"), StartsWith("PLANNING_ERROR"));
    EXPECT_EQ(
        ask("SELECT uuid()::VARCHAR IS NULL AS a, 'b'::ENUM('a', 'b') AS e, 101::BIT::VARCHAR IS NULL AS c"),
        "false|b|false");
}

TEST_F(Query, ComparesTextWithBinary) {
    const std::string hash = hash_hex(3);
    for (const std::string& condition : {
             "hash = x'" + hash + "'",
             "hash = '0x" + hash + "'",
             "hash = '" + hash + "'",
             "'0x" + hash + "' = hash",
             "hash IN ('0x" + hash + "', '0x" + hash_hex(77) + "')",
             "hash BETWEEN '0x" + hash + "' AND '0x" + hash + "'",
             "hash IS NOT DISTINCT FROM '0x" + hash + "'",
             "hash = CAST('0x" + hash + "' AS BYTES32)",
             "hash = ('0x" + hash + "')::BYTES32",
             "hash = from_hex('" + hash + "')",
             "hash::BLOB = '0x" + hash + "'",
             "hash = x'" + hash + "'::BYTES32",
         })
        EXPECT_EQ(ask("SELECT block_num FROM eth.blocks WHERE " + condition + " LIMIT 1"), "3") << condition;
    EXPECT_EQ(
        ask("SELECT count(*) FROM eth.blocks WHERE miner = '0x0101010101010101010101010101010101010101'"),
        "10");
    EXPECT_EQ(ask("SELECT count(*) FROM eth.logs WHERE data = '0x7061796c6f6164'"), "20");
    EXPECT_EQ(ask("SELECT count(*) FROM eth.logs WHERE data IN ('0x7061796c6f6164', x'00')"), "20");
    EXPECT_EQ(ask("SELECT count(*) FROM eth.blocks WHERE hash = x'00'"), "0") << "comparisons never fail";
    EXPECT_EQ(ask("SELECT count(*) FROM eth.blocks b JOIN eth.logs l ON b.hash = l.block_hash"), "40");
    for (const std::string_view sql : {"SELECT * FROM eth.blocks WHERE hash = '0x00'",
                                       "SELECT * FROM eth.blocks WHERE hash IN ('0x00', '0x01')",
                                       "SELECT * FROM eth.blocks WHERE hash = 'zz'",
                                       "SELECT '0x00'::BYTES32 AS a", "SELECT CAST('0x0g' AS BYTES1) AS a"}) {
        EXPECT_THAT(ask(sql), StartsWith("PLANNING_ERROR: ")) << sql;
        EXPECT_THAT(ask(sql), HasSubstr("hexadecimal digits")) << sql;
    }
    EXPECT_THAT(ask("SELECT x'00'::BYTES32 AS a"), HasSubstr("1 bytes is no BYTES32"));
    EXPECT_EQ(ask("SELECT TRY_CAST('0x00' AS BYTES32) AS a, TRY_CAST('0x00' AS BYTES1) AS b"), "NULL|00");
    EXPECT_EQ(types("SELECT '0x00'::BYTES1 AS a, hash::BLOB AS b, hash || x'00' AS c, octet_length(hash) AS "
                    "d FROM eth.blocks"),
              "fixed_size_binary[1]?, binary?, binary?, int64?");
    EXPECT_THAT(ask("SELECT hash AS a FROM eth.blocks UNION ALL SELECT x'00'"), HasSubstr("::BLOB"));
}

TEST_F(Query, CutsToTheCommonRange) {
    auto result =
        run(*world_->engine, "SELECT b.block_num FROM half.blocks b LEFT JOIN half.logs l USING (block_num)");
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_EQ(result->rows->num_rows(), 5);
    ASSERT_EQ(result->ranges.size(), 1u);
    EXPECT_EQ(result->ranges[0].start, 0u);
    EXPECT_EQ(result->ranges[0].end, 4u);
    EXPECT_EQ(result->ranges[0].hash, block_hash(4));
    EXPECT_EQ(ask("SELECT count(*) FROM half.blocks b LEFT JOIN half.logs l USING (block_num) SETTINGS "
                  "consistent = "
                  "false"),
              "10");
    EXPECT_EQ(ask("SELECT count(*) FROM half.blocks"), "10");
    result = run(*world_->engine, "SELECT 1");
    EXPECT_TRUE(result->ranges.empty());
    result = run(*world_->engine, "SELECT b.block_num FROM half.blocks b, none.blocks n");
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_TRUE(result->ranges.empty());
}

TEST_F(Query, PrunesFilesByBlock) {
    // The segments of 0..3 and 4..6 are gone: only a scan that leaves them alone can answer.
    World world;
    const auto id = world.store.add_dataset("eth", "dev", kHash, kManifest, kTables);
    world.write(id, {"blocks"}, {0, 3});
    std::filesystem::remove_all(world.folder / "eth");
    world.write(id, {"blocks"}, {4, 6});
    world.settle();
    world.open_engine();
    for (const std::string_view condition :
         {"block_num = 5", "_block_num BETWEEN 5 AND 5", "block_num > 4 AND block_num < 6", "5 = block_num"})
        EXPECT_EQ(text(*world.engine, "SELECT block_num FROM eth.blocks WHERE " + std::string(condition)),
                  "5")
            << condition;
    EXPECT_EQ(text(*world.engine, "SELECT block_num FROM eth.blocks WHERE block_num = 1000"), "");
    const std::string failed = text(*world.engine, "SELECT block_num FROM eth.blocks");
    EXPECT_THAT(failed, StartsWith("CORE_EXECUTION_ERROR: "));
    EXPECT_EQ(failed.find("parquet"), std::string::npos) << failed;
}

TEST_F(Query, NewSegmentsAppear) {
    World world;
    const auto id = world.store.add_dataset("eth", "dev", kHash, kManifest, kTables);
    world.settle();
    world.open_engine();
    EXPECT_EQ(text(*world.engine, "SELECT count(*) FROM eth.blocks"), "0");
    world.write(id, {"blocks"}, {0, 3});
    world.settle();
    EXPECT_EQ(text(*world.engine, "SELECT count(*) FROM eth.blocks"), "4");
    auto before = world.engine->execute("SELECT block_num FROM eth.blocks", std::chrono::seconds(10));
    world.write(id, {"blocks"}, {4, 4});
    world.settle();
    auto batch = (*before)->next();
    ASSERT_TRUE(batch.ok());
    EXPECT_EQ((*batch)->num_rows(), 4) << "a query keeps its snapshot";
}

TEST_F(Query, ListsTables) {
    const auto tables = world_->engine->list_tables();
    ASSERT_TRUE(tables.ok());
    ASSERT_EQ(tables->size(), 9u);
    EXPECT_EQ(tables->at(0).schema, "eth");
    EXPECT_EQ(tables->at(0).table, "blocks");
    EXPECT_EQ(tables->at(0).declared->field(0)->name(), "_block_num");
}

TEST_F(Query, NotReadyWithoutACatalog) {
    World world;
    world.store.set_down(true);
    world.catalog = LiveCatalog::start(world.store, *world.objects, {.poll = std::chrono::milliseconds(20)});
    world.open_engine();
    EXPECT_THAT(text(*world.engine, "SELECT 1"), StartsWith("NOT_READY"));
}

std::int64_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::int64_t pages = 0;
    std::int64_t resident = 0;
    file >> pages >> resident;
    return resident * 4096;
}

TEST_F(Query, StreamsAnyAmountInBoundedMemory) {
    auto stream = world_->engine->execute(
        "SELECT range AS a, range * 3 AS b, 'some text of the row' AS c FROM range(10000000)",
        std::chrono::seconds(60));
    ASSERT_TRUE(stream.ok()) << stream.error().message;
    std::int64_t rows = 0;
    std::int64_t after_first = 0;
    std::int64_t most = 0;
    for (;;) {
        auto batch = (*stream)->next();
        ASSERT_TRUE(batch.ok()) << batch.error().message;
        if (!*batch) break;
        rows += (*batch)->num_rows();
        EXPECT_LE((*batch)->num_rows(), 40'000);
        EXPECT_LE(*arrow::util::ReferencedBufferSize(**batch), 2 << 20);
        if (after_first == 0) after_first = resident_bytes();
        most = std::max(most, resident_bytes());
    }
    EXPECT_EQ(rows, 10'000'000);
    // The result has 360 MB.
    EXPECT_LT(most - after_first, 100 << 20);
}

TEST_F(Query, KeepsTheOrderOfTheChain) {
    World world;
    const auto id = world.store.add_dataset("eth", "dev", kHash, R"({"tables":{"logs":{}}})", {"logs"});
    for (BlockNum start = 0; start < 400; start += 20) world.write(id, {"logs"}, {start, start + 19}, 150);
    world.settle();
    world.open_engine({.memory_bytes = 512LL << 20, .threads = 4});
    // Filters leave batches of very different sizes, which several threads make at the same time.
    for (const std::string filter : {"true", "block_num % 37 = 0", "block_num < 60 OR log_index = 3"}) {
        const auto result = run(*world.engine, "SELECT block_num, log_index FROM eth.logs WHERE " + filter);
        ASSERT_TRUE(result.ok()) << result.error().message;
        std::pair<std::uint64_t, std::uint32_t> last{0, 0};
        std::int64_t rows = 0;
        for (int c = 0; c < result->rows->column(0)->num_chunks(); ++c) {
            const auto& blocks = static_cast<const arrow::UInt64Array&>(*result->rows->column(0)->chunk(c));
            const auto& logs = static_cast<const arrow::UInt32Array&>(*result->rows->column(1)->chunk(c));
            for (std::int64_t i = 0; i < blocks.length(); ++i, ++rows) {
                const std::pair<std::uint64_t, std::uint32_t> row{blocks.Value(i), logs.Value(i)};
                ASSERT_TRUE(rows == 0 || last < row) << filter << " at row " << rows;
                last = row;
            }
        }
        EXPECT_EQ(fmt::format("{}", rows),
                  text(*world.engine, "SELECT count(*) AS n FROM eth.logs WHERE " + filter));
    }
}

TEST_F(Query, NestedValuesKeepTheirNulls) {
    EXPECT_EQ(
        ask("SELECT [i, NULL] AS a, {'x': i, 'y': CASE WHEN i > 1 THEN 'two' END} AS b, MAP {i: [i]} AS c "
            "FROM range(1, 3) t(i)"),
        "list<item: int64>[1, null]|{x:int64 = 1, y:string = null}|"
        "map<int64, list<item: int64>>[{key:int64 = 1, value:list<item: int64> = list<item: int64>[1]}]\n"
        "list<item: int64>[2, null]|{x:int64 = 2, y:string = two}|"
        "map<int64, list<item: int64>>[{key:int64 = 2, value:list<item: int64> = list<item: int64>[2]}]");
    EXPECT_EQ(ask("SELECT CASE WHEN i = 1 THEN [[i], []] END AS a, CASE WHEN i = 2 THEN {'x': [i]} END AS b "
                  "FROM range(0, 3) t(i)"),
              "NULL|NULL\n"
              "list<item: list<item: int64>>[list<item: int64>[1], list<item: int64>[]]|NULL\n"
              "NULL|{x:list<item: int64> = list<item: int64>[2]}");
    EXPECT_EQ(ask("SELECT i % 2 = 0 AS a, NULL AS b, (i * 1.5)::DECIMAL(6, 2) AS c, to_days(i::INTEGER) AS d "
                  "FROM range(1, 3) t(i)"),
              "false|NULL|1.50|0M1d0ns\ntrue|NULL|3.00|0M2d0ns");
}

TEST_F(Query, SlicesWideRows) {
    const auto result = run(*world_->engine, "SELECT repeat('x', 300000) AS a FROM range(40)");
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_EQ(result->rows->num_rows(), 40);
    for (const auto& chunk : result->rows->column(0)->chunks())
        EXPECT_LE(*arrow::util::ReferencedBufferSize(*chunk), 2 << 20);
}

TEST_F(Query, RunsSideBySideWhileTheCatalogMoves) {
    World world;
    const auto id = world.store.add_dataset("eth", "dev", kHash, kManifest, kTables);
    world.write(id, kTables, {0, 9}, 3);
    world.settle();
    world.open_engine();
    std::atomic<int> wrong{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&] {
                for (int round = 0; round < 20; ++round) {
                    // An error, then: both tables of a commit appear together, no block is without its logs.
                    const std::string missing = text(*world.engine,
                                                     "SELECT count(*) FROM eth.blocks b ANTI JOIN eth.logs l "
                                                     "USING (block_num, block_hash)");
                    if (missing.find("PLANNING_ERROR") == std::string::npos) ++wrong;
                    if (text(*world.engine,
                             "SELECT count(*) FROM eth.blocks b ANTI JOIN eth.logs l ON b.hash = "
                             "l.block_hash") != "0")
                        ++wrong;
                }
            });
        for (BlockNum block = 10; block < 30; ++block) world.write(id, kTables, {block, block}, 1);
    }
    EXPECT_EQ(wrong, 0);
    world.settle();
    EXPECT_EQ(text(*world.engine, "SELECT count(*) FROM eth.blocks"), "50");
}

constexpr const char* kEndless =
    "SELECT sum(hash(a.range * b.range) % 7) AS s FROM range(10000000) a, range(1000000) b";

TEST_F(Query, CancelStopsARunningQuery) {
    auto stream = world_->engine->execute(kEndless, std::chrono::seconds(300));
    ASSERT_TRUE(stream.ok()) << stream.error().message;
    std::jthread other([&] { (*stream)->cancel(); });
    const auto batch = (*stream)->next();
    ASSERT_FALSE(batch.ok());
    EXPECT_EQ(batch.error().code, Code::kCancelled);
    EXPECT_EQ(batch.error().reason, "CANCELLED");
    EXPECT_EQ((*stream)->next().error().code, Code::kCancelled);
}

TEST_F(Query, CancelBeforeTheStart) {
    auto stream = world_->engine->execute("SELECT 1", std::chrono::seconds(300));
    ASSERT_TRUE(stream.ok());
    (*stream)->cancel();
    EXPECT_EQ((*stream)->next().error().reason, "CANCELLED");
}

TEST_F(Query, TimeLimitEndsAQuery) {
    auto stream = world_->engine->execute(kEndless, std::chrono::milliseconds(200));
    ASSERT_TRUE(stream.ok()) << stream.error().message;
    const auto batch = (*stream)->next();
    ASSERT_FALSE(batch.ok());
    EXPECT_EQ(batch.error().code, Code::kDeadlineExceeded);
    EXPECT_EQ(batch.error().reason, "QUERY_TIMEOUT");
}

TEST_F(Query, MemoryLimitIsAnError) {
    World world;
    world.settle();
    world.open_engine({.memory_bytes = 40 << 20, .threads = 1});
    EXPECT_THAT(text(*world.engine, "SELECT count(DISTINCT hash(range)) AS a FROM range(20000000)"),
                StartsWith("MEMORY_LIMIT_EXCEEDED"));
    // With a place to spill the same amount passes.
    world.open_engine(
        {.memory_bytes = 150 << 20, .threads = 1, .spill_directory = (world.folder / "spill").string()});
    EXPECT_EQ(text(*world.engine,
                   "SELECT count(*) FROM (SELECT range AS a FROM range(10000000) ORDER BY hash(range))"),
              "10000000");
}

TEST_F(Query, DeepTextsAreAnsweredOrRefused) {
    const auto many = [](std::string_view unit, int count) {
        std::string out;
        for (int i = 0; i < count; ++i) out += unit;
        return out;
    };
    EXPECT_EQ(ask("SELECT count(*) FROM (SELECT 1 AS a" + many(" UNION ALL SELECT 1", 200) + ")"), "201");
    for (const std::string& sql : {
             "SELECT 1" + many(" UNION ALL SELECT 1", 4'000),
             "SELECT 1" + many(" + 1", 20'000),
             "SELECT " + many("NOT ", 20'000) + "true",
             "SELECT " + many("- ", 20'000) + "1",
             "SELECT " + many("(", 256) + "1" + many(")", 256),
             "SELECT 1" + many("::INT", 20'000),
             "SELECT 1 WHERE true" + many(" AND true", 20'000),
             "SELECT " + many("[", 256) + many("]", 256),
             "SELECT a" + many(".b", 20'000),
             "SELECT 1 IN (0" + many(", 1", 20'000) + ") AS a",
             many("SELECT (", 250) + "SELECT 1" + many(")", 250),
             "WITH a0 AS (SELECT 1 AS x)" +
                 [] {
                     std::string out;
                     for (int i = 1; i < 300; ++i)
                         out += fmt::format(", a{} AS (SELECT x FROM a{})", i, i - 1);
                     return out + " SELECT x FROM a299";
                 }(),
         }) {
        const auto result = run(*world_->engine, sql);
        if (result.ok()) continue;
        EXPECT_EQ(result.error().message.find("SET"), std::string::npos);
        EXPECT_EQ(result.error().code, Code::kInvalidArgument) << sql.substr(0, 60) << result.error().message;
    }
}

TEST_F(Query, RunsInUtcWhateverTheHostsZone) {
    const char* before = std::getenv("TZ");
    const std::string saved = before != nullptr ? before : "";
    setenv("TZ", "America/New_York", 1);
    World world;
    world.settle();
    world.open_engine();
    EXPECT_EQ(text(*world.engine, "SELECT TIMESTAMPTZ '2020-01-01 00:00:00'::VARCHAR AS a"),
              "2020-01-01 00:00:00+00");
    if (before != nullptr)
        setenv("TZ", saved.c_str(), 1);
    else
        unsetenv("TZ");
}

TEST_F(Query, ExecutionErrorsAreTheDatas) {
    EXPECT_THAT(ask("SELECT CAST(a AS INTEGER) AS b FROM (VALUES ('1'), ('x')) t(a)"),
                StartsWith("EXECUTION_ERROR: "));
    EXPECT_THAT(ask("SELECT 'x' + 1 AS a"), StartsWith("PLANNING_ERROR: "));
    EXPECT_THAT(ask("SELECT 9223372036854775807 + block_num AS a FROM eth.blocks"),
                StartsWith("EXECUTION_ERROR: "));
}

}  // namespace
}  // namespace amp::query
