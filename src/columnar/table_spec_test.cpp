// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "columnar/table_spec.hpp"

#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace amp::columnar {
namespace {

using ::testing::ElementsAreArray;

// "name type[?]" as the raw tables reference writes it; '+' in front of an added column, '*' for wide
// numbers.
std::string describe(const ColumnSpec& column) {
    static const std::vector<std::string> kWords = {
        "u64", "u64*", "u32", "u8",        "i32",     "bool",    "utf8",    "bin",    "h32",
        "a20", "dec",  "ts",  "list<h32>", "list<W>", "list<A>", "list<Z>", "list<Y>"};
    return fmt::format("{}{} {}{}", column.added ? "+" : "", column.name,
                       kWords.at(static_cast<std::size_t>(column.type)), column.nullable ? "?" : "");
}

std::vector<std::string> describe(const TableSpec& table) {
    std::vector<std::string> out;
    for (const ColumnSpec& column : table.columns) out.push_back(describe(column));
    return out;
}

const std::vector<std::string> kBlocks = {"_block_num u64",
                                          "block_num u64",
                                          "timestamp ts",
                                          "hash h32",
                                          "parent_hash h32",
                                          "ommers_hash h32",
                                          "miner a20",
                                          "state_root h32",
                                          "transactions_root h32",
                                          "receipt_root h32",
                                          "logs_bloom bin",
                                          "difficulty dec",
                                          "total_difficulty dec?",
                                          "gas_limit u64*",
                                          "gas_used u64",
                                          "extra_data bin",
                                          "mix_hash h32",
                                          "nonce u64*",
                                          "base_fee_per_gas dec?",
                                          "withdrawals_root h32?",
                                          "blob_gas_used u64?",
                                          "excess_blob_gas u64?",
                                          "parent_beacon_root h32?",
                                          "requests_hash h32?",
                                          "+size u64?",
                                          "+uncle_hashes list<h32>?",
                                          "+withdrawals list<W>?",
                                          "+block_access_list_hash h32?",
                                          "+slot_number u64?",
                                          "+detail_level i32?",
                                          "+total_difficulty_overflow h32?",
                                          "+base_fee_per_gas_overflow h32?",
                                          "+extra_json utf8?"};

const std::vector<std::string> kTransactions = {"_block_num u64",
                                                "block_hash h32",
                                                "block_num u64",
                                                "timestamp ts",
                                                "tx_index u32",
                                                "tx_hash h32",
                                                "to a20?",
                                                "nonce u64",
                                                "gas_price dec?",
                                                "gas_limit u64*",
                                                "value utf8",
                                                "input bin",
                                                "r h32",
                                                "s h32",
                                                "v_parity bool",
                                                "chain_id u64*?",
                                                "gas_used u64",
                                                "type i32",
                                                "max_fee_per_gas dec?",
                                                "max_priority_fee_per_gas dec?",
                                                "max_fee_per_blob_gas dec?",
                                                "from a20",
                                                "status bool",
                                                "state_root h32?",
                                                "access_list list<A>?",
                                                "blob_versioned_hashes list<h32>?",
                                                "authorization_list list<Z>?",
                                                "+cumulative_gas_used u64?",
                                                "+tx_gas_used u64?",
                                                "+effective_gas_price dec?",
                                                "+contract_address a20?",
                                                "+blob_gas_used u64?",
                                                "+blob_gas_price dec?",
                                                "+value_dec dec?",
                                                "+gas_price_overflow h32?",
                                                "+max_fee_per_gas_overflow h32?",
                                                "+max_priority_fee_per_gas_overflow h32?",
                                                "+max_fee_per_blob_gas_overflow h32?",
                                                "+effective_gas_price_overflow h32?",
                                                "+blob_gas_price_overflow h32?",
                                                "+authorization_list_overflow list<Y>?",
                                                "+deposit_source_hash h32?",
                                                "+deposit_mint dec?",
                                                "+deposit_mint_overflow h32?",
                                                "+deposit_is_system bool?",
                                                "+deposit_nonce u64?",
                                                "+deposit_receipt_version u64?",
                                                "+extra_json utf8?"};

const std::vector<std::string> kLogs = {"_block_num u64", "block_hash h32",   "block_num u64", "timestamp ts",
                                        "tx_hash h32",    "tx_index u32",     "log_index u32", "address a20",
                                        "topic0 h32?",    "topic1 h32?",      "topic2 h32?",   "topic3 h32?",
                                        "data bin",       "+extra_json utf8?"};

TEST(TableSpec, HasTheColumnsOfTheReferenceInOrder) {
    EXPECT_THAT(describe(*find_table("evm-rpc", "blocks")), ElementsAreArray(kBlocks));
    EXPECT_THAT(describe(*find_table("evm-rpc", "transactions")), ElementsAreArray(kTransactions));
    EXPECT_THAT(describe(*find_table("evm-rpc", "logs")), ElementsAreArray(kLogs));
}

TEST(TableSpec, ListsTablesInOrderAndKnowsNoOther) {
    std::vector<std::string_view> names;
    for (const TableSpec& table : tables_of("evm-rpc")) names.push_back(table.name);
    EXPECT_THAT(names, ::testing::ElementsAre("blocks", "transactions", "logs"));
    EXPECT_TRUE(tables_of("solana").empty());
    EXPECT_EQ(find_table("evm-rpc", "calls"), nullptr);
    EXPECT_THAT(find_table("evm-rpc", "logs")->sorted_by, ::testing::ElementsAre("_block_num", "log_index"));
}

std::vector<std::string> names_with(Encoding encoding, const TableSpec& table) {
    std::vector<std::string> out;
    for (const ColumnSpec& column : table.columns)
        if (column.encoding == encoding) out.emplace_back(column.name);
    return out;
}

TEST(TableSpec, EncodesRepeatedValuesByDictionaryAndRunningNumbersByDelta) {
    const TableSpec& transactions = *find_table("evm-rpc", "transactions");
    EXPECT_THAT(names_with(Encoding::kDictionary, transactions),
                ::testing::ElementsAre("_block_num", "block_hash", "block_num", "timestamp", "to",
                                       "gas_limit", "chain_id", "type", "from"));
    EXPECT_THAT(names_with(Encoding::kDelta, transactions),
                ::testing::ElementsAre("tx_index", "gas_used", "cumulative_gas_used", "tx_gas_used"));
    EXPECT_THAT(names_with(Encoding::kDictionary, *find_table("evm-rpc", "logs")),
                ::testing::ElementsAre("_block_num", "block_hash", "block_num", "timestamp", "address",
                                       "topic0", "topic1", "topic2", "topic3"));
}

TEST(TableSpec, KeepsNoStatisticsOfPayloadsAndLists) {
    std::set<std::string> without;
    for (const TableSpec& table : tables_of("evm-rpc"))
        for (const ColumnSpec& column : table.columns)
            if (!column.statistics) without.insert(std::string(column.name));
    EXPECT_THAT(without, ::testing::UnorderedElementsAre(
                             "data", "input", "logs_bloom", "extra_data", "extra_json", "uncle_hashes",
                             "withdrawals", "access_list", "blob_versioned_hashes", "authorization_list",
                             "authorization_list_overflow"));
}

void collect_ids(const arrow::Field& field, std::vector<int>& out) {
    ASSERT_NE(field.metadata(), nullptr) << field.ToString();
    out.push_back(std::stoi(field.metadata()->Get("PARQUET:field_id").ValueOrDie()));
    for (const auto& child : field.type()->fields()) collect_ids(*child, out);
}

TEST(PhysicalSchema, NumbersEveryFieldOnce) {
    for (const TableSpec& table : tables_of("evm-rpc")) {
        std::vector<int> ids;
        int position = 0;
        const auto schema = physical_schema(table);
        for (const auto& field : schema->fields()) {
            std::vector<int> of_column;
            collect_ids(*field, of_column);
            EXPECT_EQ(of_column.front(), ++position) << field->name();
            for (std::size_t i = 1; i < of_column.size(); ++i)
                EXPECT_EQ(of_column[i], 100 * position + static_cast<int>(i)) << field->name();
            ids.insert(ids.end(), of_column.begin(), of_column.end());
        }
        EXPECT_EQ(std::set<int>(ids.begin(), ids.end()).size(), ids.size()) << table.name;
    }
}

TEST(PhysicalSchema, HoldsOnlyTypesThatEveryEngineReads) {
    const auto schema = physical_schema(*find_table("evm-rpc", "transactions"));
    EXPECT_EQ(schema->field(0)->ToString(), "_block_num: int64 not null");
    EXPECT_EQ(schema->GetFieldByName("timestamp")->ToString(),
              "timestamp: timestamp[us, tz=+00:00] not null");
    EXPECT_EQ(schema->GetFieldByName("tx_index")->ToString(), "tx_index: int32 not null");
    EXPECT_EQ(schema->GetFieldByName("chain_id")->ToString(), "chain_id: int64");
    EXPECT_EQ(schema->GetFieldByName("access_list")->ToString(),
              "access_list: list<item: struct<address: fixed_size_binary[20] not null, storage_keys: "
              "list<item: fixed_size_binary[32] not null> not null> not null>");
    EXPECT_EQ(
        schema->GetFieldByName("authorization_list_overflow")->ToString(),
        "authorization_list_overflow: list<item: struct<chain_id: fixed_size_binary[32] not null, address: "
        "fixed_size_binary[20] not null, nonce: int64 not null, y_parity: int32 not null, r: "
        "fixed_size_binary[32] not null, s: fixed_size_binary[32] not null> not null>");
}

TEST(DeclaredSchema, HasTheTypesOfManifests) {
    const auto schema = declared_schema(*find_table("evm-rpc", "blocks"));
    EXPECT_EQ(schema->num_fields(), 33);
    EXPECT_EQ(schema->field(0)->ToString(), "_block_num: uint64 not null");
    EXPECT_EQ(schema->field(0)->metadata(), nullptr);
    EXPECT_EQ(schema->GetFieldByName("timestamp")->ToString(),
              "timestamp: timestamp[ns, tz=+00:00] not null");
    EXPECT_EQ(schema->GetFieldByName("difficulty")->ToString(), "difficulty: decimal128(38, 0) not null");
    EXPECT_EQ(
        schema->GetFieldByName("withdrawals")->ToString(),
        "withdrawals: list<item: struct<index: uint64 not null, validator_index: uint64 not null, address: "
        "fixed_size_binary[20] not null, amount: uint64 not null> not null>");
    const auto authorizations = declared_schema(*find_table("evm-rpc", "transactions"))
                                    ->GetFieldByName("authorization_list_overflow");
    EXPECT_THAT(authorizations->ToString(), ::testing::HasSubstr("y_parity: uint8 not null"));
}

}  // namespace
}  // namespace amp::columnar
