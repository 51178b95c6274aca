// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "extract/evm_rpc/decoder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <random>

namespace amp::extract::evm_rpc {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;

std::string hex(char digit, std::size_t bytes) { return "0x" + std::string(2 * bytes, digit); }
const std::string kBlockHash = hex('a', 32);

template <std::size_t N>
FixedBytes<N> filled(std::uint8_t byte) {
    FixedBytes<N> out;
    out.bytes.fill(byte);
    return out;
}

Json header_json() {
    return {{"number", "0x10"},
            {"hash", kBlockHash},
            {"parentHash", hex('b', 32)},
            {"sha3Uncles", hex('c', 32)},
            {"miner", hex('1', 20)},
            {"stateRoot", hex('2', 32)},
            {"transactionsRoot", hex('3', 32)},
            {"receiptsRoot", hex('4', 32)},
            {"logsBloom", hex('5', 256)},
            {"difficulty", "0x20000"},
            {"totalDifficulty", "0xffffffffffffffffffff"},
            {"gasLimit", "0x1c9c380"},
            {"gasUsed", "0xa410"},
            {"timestamp", "0x65000000"},
            {"extraData", "0xdeadBEEF"},
            {"mixHash", hex('6', 32)},
            {"nonce", "0xffffffffffffffff"},
            {"size", "0x220"},
            {"uncles", Json::array()},
            {"transactions", Json::array()}};
}

Json transaction_json(int type) {
    Json tx = {{"blockHash", kBlockHash},
               {"blockNumber", "0x10"},
               {"from", hex('7', 20)},
               {"gas", "0x5208"},
               {"hash", hex('d', 32)},
               {"input", "0x"},
               {"nonce", "0x1"},
               {"to", hex('8', 20)},
               {"transactionIndex", "0x0"},
               {"value", "0x0"},
               {"type", "0x" + std::to_string(type)}};
    if (type < 2) tx["gasPrice"] = "0x3b9aca00";
    if (type == 0) tx["v"] = "0x1b";
    if (type > 0) {
        tx["chainId"] = "0x1";
        tx["accessList"] = Json::array();
        tx["v"] = "0x1";
        tx["yParity"] = "0x1";
    }
    if (type >= 2) {
        tx["maxFeePerGas"] = "0x2";
        tx["maxPriorityFeePerGas"] = "0x1";
    }
    if (type == 3) {
        tx["maxFeePerBlobGas"] = "0x3";
        tx["blobVersionedHashes"] = {hex('e', 32)};
    }
    if (type == 4) tx["authorizationList"] = Json::array();
    tx["r"] = "0x00" + std::string(62, '9');
    tx["s"] = "0x1";
    return tx;
}

Json log_json(int index) {
    return {
        {"address", hex('9', 20)}, {"topics", {hex('1', 32), hex('2', 32)}},   {"data", "0x0102"},
        {"blockNumber", "0x10"},   {"transactionHash", hex('d', 32)},          {"transactionIndex", "0x0"},
        {"blockHash", kBlockHash}, {"logIndex", "0x" + std::to_string(index)}, {"removed", false}};
}

Json receipt_json() {
    return {{"blockHash", kBlockHash},    {"blockNumber", "0x10"},
            {"contractAddress", nullptr}, {"cumulativeGasUsed", "0x5208"},
            {"effectiveGasPrice", "0x1"}, {"from", hex('7', 20)},
            {"gasUsed", "0x5208"},        {"logs", {log_json(0), log_json(1)}},
            {"logsBloom", hex('0', 256)}, {"status", "0x1"},
            {"to", hex('8', 20)},         {"transactionHash", hex('d', 32)},
            {"transactionIndex", "0x0"},  {"type", "0x0"}};
}

// A block with two transactions; tests change single fields of it.
struct Fixture {
    Json block = header_json();
    Json receipts = Json::array();
    DecodeOptions options{.expected_number = 16};
    BlockDecoder decoder;
    evm::Block out;

    explicit Fixture(int type = 0) {
        block["transactions"] = {transaction_json(type), transaction_json(2)};
        Json& second = block["transactions"][1];
        second["hash"] = hex('e', 32);
        second["transactionIndex"] = "0x1";
        receipts = {receipt_json(), receipt_json()};
        receipts[1]["transactionHash"] = hex('e', 32);
        receipts[1]["transactionIndex"] = "0x1";
        receipts[1]["cumulativeGasUsed"] = "0xa410";
        receipts[1]["logs"] = Json::array();
    }

    Json& tx() { return block["transactions"][0]; }
    Json& receipt() { return receipts[0]; }
    Json& log() { return receipts[0]["logs"][0]; }

    Result<> run() { return run(block.dump(), receipts.dump()); }
    Result<> run_block() { return run(block.dump(), std::nullopt); }
    Result<> run(std::string block_text, std::optional<std::string> receipt_text) {
        const std::size_t size = block_text.size();
        block_text.append(64, ' ');
        std::optional<std::string_view> receipts_view;
        if (receipt_text) {
            const std::size_t receipts_size = receipt_text->size();
            receipt_text->append(64, ' ');
            receipts_view = std::string_view(*receipt_text).substr(0, receipts_size);
        }
        return decoder.decode(std::string_view(block_text).substr(0, size), receipts_view, options, out);
    }
    void expect_ok() {
        const auto result = run();
        EXPECT_TRUE(result.ok()) << result.error().message;
    }
    void expect_bad(std::string_view text) { expect(Code::kCorruption, "BAD_DATA", text); }
    void expect(Code code, std::string_view reason, std::string_view text) {
        const auto result = run();
        ASSERT_FALSE(result.ok()) << "expected: " << text;
        EXPECT_EQ(result.error().code, code);
        EXPECT_EQ(result.error().reason, reason);
        EXPECT_THAT(result.error().message, HasSubstr(std::string(text)));
    }
};

TEST(BlockDecoder, ReadsEveryHeaderField) {
    Fixture f;
    f.block["baseFeePerGas"] = "0x7";
    f.block["withdrawalsRoot"] = hex('1', 32);
    f.block["blobGasUsed"] = "0x20000";
    f.block["excessBlobGas"] = "0x0";
    f.block["parentBeaconBlockRoot"] = hex('2', 32);
    f.block["requestsHash"] = hex('3', 32);
    f.block["blockAccessListHash"] = hex('4', 32);
    f.block["slotNumber"] = "0x9";
    f.block["uncles"] = {hex('f', 32)};
    f.block["withdrawals"] = {
        {{"index", "0x1"}, {"validatorIndex", "0x2"}, {"address", hex('3', 20)}, {"amount", "0x4"}}};
    f.expect_ok();
    const evm::Header& h = f.out.header;
    EXPECT_EQ(h.number, 16U);
    EXPECT_EQ(h.hash, filled<32>(0xaa));
    EXPECT_EQ(h.parent_hash, filled<32>(0xbb));
    EXPECT_EQ(h.ommers_hash, filled<32>(0xcc));
    EXPECT_EQ(h.miner, filled<20>(0x11));
    EXPECT_EQ(h.state_root, filled<32>(0x22));
    EXPECT_EQ(h.transactions_root, filled<32>(0x33));
    EXPECT_EQ(h.receipts_root, filled<32>(0x44));
    EXPECT_EQ(h.logs_bloom, filled<256>(0x55));
    EXPECT_EQ(h.difficulty, Uint256(0x20000));
    EXPECT_EQ(h.total_difficulty->to_decimal(), "1208925819614629174706175");
    EXPECT_EQ(h.gas_limit, 30'000'000U);
    EXPECT_EQ(h.gas_used, 42000U);
    EXPECT_EQ(h.timestamp, 0x65000000U);
    EXPECT_EQ(to_hex(h.extra_data), "deadbeef");
    EXPECT_EQ(h.mix_hash, filled<32>(0x66));
    EXPECT_EQ(h.nonce, ~std::uint64_t{0});
    EXPECT_EQ(h.base_fee_per_gas, Uint256(7));
    EXPECT_EQ(h.withdrawals_root, filled<32>(0x11));
    EXPECT_EQ(h.blob_gas_used, 0x20000U);
    EXPECT_EQ(h.excess_blob_gas, 0U);
    EXPECT_EQ(h.parent_beacon_root, filled<32>(0x22));
    EXPECT_EQ(h.requests_hash, filled<32>(0x33));
    EXPECT_EQ(h.block_access_list_hash, filled<32>(0x44));
    EXPECT_EQ(h.slot_number, 9U);
    EXPECT_EQ(h.size, 0x220U);
    EXPECT_TRUE(h.has_uncles && h.has_withdrawals);
    EXPECT_FALSE(h.unverifiable_header);
    EXPECT_EQ(h.extra_json, "");
    EXPECT_EQ(f.out.uncle_hashes, std::vector{filled<32>(0xff)});
    ASSERT_EQ(f.out.withdrawals.size(), 1U);
    EXPECT_EQ(f.out.withdrawals[0].validator_index, 2U);
    EXPECT_EQ(f.out.withdrawals[0].amount, 4U);
}

TEST(BlockDecoder, FillsTheDefaultsOfAbsentHeaderFields) {
    Fixture f;
    for (const auto* key :
         {"difficulty", "extraData", "mixHash", "nonce", "size", "uncles", "totalDifficulty"})
        f.block.erase(key);
    f.expect_ok();
    EXPECT_FALSE(f.out.header.unverifiable_header);
    EXPECT_TRUE(f.out.header.difficulty.is_zero());
    EXPECT_TRUE(f.out.header.extra_data.empty());
    EXPECT_FALSE(f.out.header.size || f.out.header.has_uncles || f.out.header.total_difficulty);
    for (const auto* key : {"sha3Uncles", "logsBloom", "miner", "gasLimit"}) {
        Fixture g;
        g.block[key] = nullptr;
        g.expect_ok();
        EXPECT_TRUE(g.out.header.unverifiable_header) << key;
    }
    Fixture g;
    g.block.erase("miner");
    g.block["author"] = hex('e', 20);
    g.block["size"] = "0x0";
    g.expect_ok();
    EXPECT_FALSE(g.out.header.unverifiable_header);
    EXPECT_EQ(g.out.header.miner, filled<20>(0xee));
    EXPECT_FALSE(g.out.header.size);
}

TEST(BlockDecoder, NamesTheMissingHeaderField) {
    for (const auto* key : {"number", "hash", "parentHash", "timestamp", "stateRoot", "transactionsRoot",
                            "receiptsRoot", "gasUsed", "transactions"}) {
        Fixture f;
        f.block.erase(key);
        f.expect_bad(fmt::format("block 16: field \"{}\" is missing", key));
        f.block[key] = nullptr;
        f.expect_bad(fmt::format("block 16: field \"{}\" is missing", key));
    }
}

TEST(BlockDecoder, ReadsQuantitiesInEverySpelling) {
    const std::string max = "0x" + std::string(64, 'F');
    const std::vector<std::pair<Json, std::string>> good = {
        {"0x0", "0"},
        {"0x00", "0"},
        {"0x" + std::string(63, '0') + "5", "5"},
        {"0xAbC", "2748"},
        {12, "12"},
        {0, "0"},
        {"12", "12"},
        {"007", "7"},
        {"0x1ffffffffffffffff", "36893488147419103231"},
        {max, "115792089237316195423570985008687907853269984665640564039457584007913129639935"}};
    for (const auto& [value, decimal] : good) {
        Fixture f;
        f.tx()["value"] = value;
        f.expect_ok();
        EXPECT_EQ(f.out.transactions[0].value.to_decimal(), decimal) << value;
        EXPECT_EQ(f.decoder.counters().plain_numbers, value.is_number() ? 1U : 0U);
    }
    for (const Json& value :
         {Json("0x"), Json(""), Json("0x" + std::string(65, '0')), Json("0xg"), Json(-1), Json(1.5),
          Json(true), Json("1e3"), Json(" 1"), Json("0X1"), Json(Json::array()), Json(Json::object()),
          Json("0x1\n"), Json("0x1\""), Json(std::string(79, '9'))}) {
        Fixture f;
        f.tx()["value"] = value;
        f.expect_bad("block 16: transaction 0: field \"value\" is not a quantity");
    }
    Fixture f;
    std::string text = f.block.dump();
    text.replace(text.find("\"0x5208\""), 8, "05208");
    EXPECT_EQ(f.run(text, std::nullopt).error().reason, "BAD_DATA");
}

TEST(BlockDecoder, RefusesNumbersThatTheirColumnCannotHold) {
    const auto bad = [](auto change, std::string_view text) {
        Fixture f;
        change(f);
        f.expect_bad(text);
    };
    const auto* over = "0x8000000000000000";
    bad([&](Fixture& f) { f.block["gasUsed"] = over; }, "field \"gasUsed\" is 9223372036854775808, above");
    bad([&](Fixture& f) { f.tx()["nonce"] = over; }, "transaction 0: field \"nonce\" is");
    bad([&](Fixture& f) { f.tx()["type"] = "0x80000000"; }, "transaction 0: field \"type\" is");
    bad([&](Fixture& f) { f.tx()["gas"] = "0x10000000000000000"; }, "field \"gas\" is too large");
    bad([&](Fixture& f) { f.block["timestamp"] = "0xffffffffff"; }, "field \"timestamp\" is");
    bad([&](Fixture& f) { f.block["difficulty"] = "0x4b3b4ca85a86c47a098a224000000000"; },
        "exceeds 38 decimal digits");
    Fixture f;
    f.tx()["gas"] = "0xffffffffffffffff";
    f.block["gasLimit"] = "0xffffffffffffffff";
    f.block["difficulty"] = "0x4b3b4ca85a86c47a098a223fffffffff";
    f.expect_ok();
}

TEST(BlockDecoder, ChecksTheLengthOfByteStrings) {
    for (const Json& value :
         {Json(hex('a', 31)), Json(hex('a', 33)), Json("0x"), Json(std::string(64, 'a')), Json(1),
          Json("0x" + std::string(63, 'a')), Json("0x" + std::string(63, 'a') + "g"),
          Json("0x" + std::string(63, 'a') + "\\")}) {
        Fixture f;
        f.block["stateRoot"] = value;
        f.expect_bad("block 16: field \"stateRoot\" is not 0x and 64 hex digits but ");
    }
    for (const Json& value : {Json("0x1"), Json("12"), Json(5), Json("")}) {
        Fixture f;
        f.tx()["input"] = value;
        f.expect_bad("block 16: transaction 0: field \"input\" is not 0x and an even number of hex digits");
    }
    Fixture f;
    f.tx()["input"] = "0x1x";
    f.expect_bad("field \"input\" holds a character that is no hex digit");
}

TEST(BlockDecoder, RefusesDuplicateKeysEverywhere) {
    const auto twice = [](std::string text, std::string_view before, std::string_view insert) {
        return text.insert(text.find(before), insert);
    };
    Fixture f;
    const std::string block = f.block.dump();
    const std::string receipts = f.receipts.dump();
    const auto reason = [&](const std::string& b, const std::string& r) {
        const auto result = f.run(b, r);
        return result.ok() ? "ok" : result.error().reason + ": " + result.error().message;
    };
    EXPECT_EQ(reason(block, receipts), "ok");
    EXPECT_THAT(reason(twice(block, "\"number\"", "\"hash\":null,"), receipts),
                HasSubstr("BAD_DATA: block 16: field \"hash\" is sent twice"));
    EXPECT_THAT(reason(twice(block, "\"number\"", R"("h\u0061sh":null,)"), receipts),
                HasSubstr("\"hash\" is sent twice"));
    EXPECT_THAT(reason(twice(block, "\"nonce\":\"0x1\"", "\"gas\":\"0x5208\","), receipts),
                HasSubstr("transaction 0: field \"gas\" is sent twice"));
    EXPECT_THAT(reason(block, twice(receipts, "\"status\"", "\"status\":\"0x1\",")),
                HasSubstr("receipt 0: field \"status\" is sent twice"));
    EXPECT_THAT(reason(block, twice(receipts, "\"removed\"", "\"removed\":false,")),
                HasSubstr("receipt 0: log 0: field \"removed\" is sent twice"));
    EXPECT_THAT(reason(twice(block, "\"number\"", R"("new":1,"n\u0065w":2,)"), receipts),
                HasSubstr("block 16 holds the key \"new\" twice"));
    EXPECT_THAT(reason(twice(block, "\"number\"", R"("new":{"a":1,"a":2},)"), receipts),
                HasSubstr("block 16 field \"new\" repeats a key"));
}

TEST(BlockDecoder, TellsAbsentBlocksAndReceiptsApart) {
    Fixture f;
    const auto reason = [&](std::string block, std::optional<std::string> receipts) {
        const auto result = f.run(std::move(block), std::move(receipts));
        EXPECT_FALSE(result.ok());
        EXPECT_EQ(result.error().code, Code::kUnavailable);
        return result.error().reason;
    };
    EXPECT_EQ(reason("null", std::nullopt), "NULL_BLOCK");
    EXPECT_EQ(reason(" null\n", "[]"), "NULL_BLOCK");
    EXPECT_EQ(reason(f.block.dump(), "null"), "NULL_RECEIPTS");
    EXPECT_EQ(reason(f.block.dump(), "[]"), "EMPTY_RECEIPTS");
    EXPECT_EQ(reason(f.block.dump(), " [ ] "), "EMPTY_RECEIPTS");
    f.block["transactions"] = Json::array();
    f.receipts = Json::array();
    f.expect_ok();
}

TEST(BlockDecoder, NoticesReceiptsOfAnotherBlock) {
    Fixture f;
    f.receipts[1]["blockHash"] = hex('0', 32);
    f.receipts[1]["transactionHash"] = hex('0', 32);
    f.receipts[1]["blockNumber"] = "0x11";
    f.expect(Code::kUnavailable, "OTHER_BLOCK", "block 16: receipt 1: field \"blockHash\" is 0x0000");
    Fixture g;
    g.log()["blockHash"] = hex('0', 32);
    g.log()["transactionHash"] = hex('0', 32);
    g.expect(Code::kUnavailable, "OTHER_BLOCK", "block 16: receipt 0: log 0: field \"blockHash\" is 0x0000");
    Fixture h;  // more of them than transactions
    h.block["transactions"] = {h.tx()};
    h.receipts[1]["blockHash"] = hex('0', 32);
    h.expect(Code::kUnavailable, "OTHER_BLOCK", "receipt 1");
}

TEST(BlockDecoder, ComparesIdentities) {
    const auto bad = [](auto change, std::string_view text) {
        Fixture f;
        change(f);
        f.expect_bad(text);
    };
    bad([](Fixture& f) { f.options.expected_number = 17; },
        "field \"number\" is 16, but block 17 was requested");
    bad([](Fixture& f) { f.tx()["blockHash"] = hex('0', 32); },
        "transaction 0: field \"blockHash\" is 0x0000");
    bad([](Fixture& f) { f.tx()["blockNumber"] = "0x11"; },
        "transaction 0: field \"blockNumber\" is 17, expected 16");
    bad([](Fixture& f) { f.tx()["transactionIndex"] = "0x1"; },
        "field \"transactionIndex\" is 1, expected 0");
    bad([](Fixture& f) { f.receipt()["blockNumber"] = "0x11"; },
        "receipt 0: field \"blockNumber\" is 17, expected 16");
    bad([](Fixture& f) { std::swap(f.receipts[0], f.receipts[1]); }, "receipt 0");
    bad([](Fixture& f) { f.receipt()["transactionHash"] = hex('0', 32); },
        "receipt 0: field \"transactionHash\" is 0x00");
    bad([](Fixture& f) { f.log()["transactionIndex"] = "0x1"; },
        "log 0: field \"transactionIndex\" is 1, expected 0");
    bad([](Fixture& f) { f.log()["transactionHash"] = hex('0', 32); },
        "log 0: field \"transactionHash\" is 0x00");
    bad([](Fixture& f) { f.log()["blockNumber"] = "0x11"; },
        "log 0: field \"blockNumber\" is 17, expected 16");
    bad([](Fixture& f) { f.receipts.erase(1); },
        "receipt list has 1 entries, but the block has 2 transactions");
    bad([](Fixture& f) { f.receipts.push_back(f.receipts[1]); }, "receipt 2");
    Fixture f;  // all of them may be left out
    for (const auto* key : {"blockHash", "blockNumber", "transactionIndex"}) {
        f.tx().erase(key);
        f.receipt().erase(key);
        f.log().erase(key);
    }
    f.receipt().erase("transactionHash");
    f.log().erase("transactionHash");
    f.log().erase("removed");
    f.expect_ok();
}

TEST(BlockDecoder, ComparesBlockHashesThatComeBeforeTheHeaders) {
    Fixture f;
    Json reordered = {{"transactions", f.block["transactions"]}};
    for (const auto& [key, value] : f.block.items())
        if (key != "transactions") reordered[key] = value;
    f.block = reordered;
    f.expect_ok();
    f.block["hash"] = hex('0', 32);
    f.expect_bad("block 16: field \"hash\" is 0x0000");
}

TEST(BlockDecoder, ReadsLogs) {
    Fixture f;
    f.log()["topics"] = Json::array();
    f.expect_ok();
    ASSERT_EQ(f.out.logs.size(), 2U);
    EXPECT_EQ(f.out.logs[0].topic_count, 0);
    EXPECT_EQ(f.out.logs[1].topic_count, 2);
    EXPECT_EQ(f.out.logs[1].topics[1], filled<32>(0x22));
    EXPECT_EQ(f.out.logs[1].log_index, 1U);
    EXPECT_EQ(f.out.logs[1].address, filled<20>(0x99));
    EXPECT_EQ(to_hex(f.out.logs[1].data), "0102");
    EXPECT_EQ(f.out.receipts[0].logs.count, 2U);
    EXPECT_EQ(f.out.receipts[1].logs.first, 2U);

    const auto bad = [](auto change, std::string_view text) {
        Fixture g;
        change(g.log());
        g.expect_bad(text);
    };
    bad([](Json& log) { log["removed"] = true; }, "field \"removed\" is true");
    bad([](Json& log) { log["removed"] = "no"; }, "field \"removed\" is neither true nor false");
    bad([](Json& log) { log.erase("data"); }, "log 0: field \"data\" is missing");
    bad([](Json& log) { log.erase("address"); }, "log 0: field \"address\" is missing");
    bad([](Json& log) { log["topics"] = std::vector(5, hex('1', 32)); },
        "field \"topics\" has more than 4 elements");
    bad([](Json& log) { log["topics"][0] = nullptr; },
        "field \"topics\" is not 0x and 64 hex digits but null");
    bad([](Json& log) { log["topics"] = "0x"; }, "field \"topics\" is not an array");
}

TEST(BlockDecoder, WantsConsecutiveLogNumbersOrReplacesThem) {
    Fixture f;
    f.log()["logIndex"] = "0x5";
    f.expect_bad("block 16: receipt 0: log 0: field \"logIndex\" is 5, expected the running number 0");
    f.options.renumber_logs = true;
    f.expect_ok();
    EXPECT_EQ(f.out.logs[0].log_index, 0U);
    EXPECT_EQ(f.decoder.counters().renumbered_blocks, 1U);
    f.log().erase("logIndex");
    f.expect_ok();
    EXPECT_EQ(f.decoder.counters().renumbered_blocks, 1U);
}

TEST(BlockDecoder, ChecksGasSums) {
    Fixture f;
    f.receipts[1]["gasUsed"] = "0x5209";
    f.expect_bad(
        "receipt 1: field \"cumulativeGasUsed\" is 42000, but the receipt before and gasUsed add up to "
        "42001");
    f.options.profile = "polygon";
    f.expect_ok();
    EXPECT_EQ(f.decoder.counters().gas_mismatches, 1U);

    Fixture g;
    g.block["gasUsed"] = "0xa411";
    g.expect_bad("receipt list ends at 42000 cumulative gas, but the header's gasUsed is 42001");
    g.block["blockAccessListHash"] = hex('1', 32);
    g.expect_ok();
}

TEST(BlockDecoder, ReadsReceipts) {
    Fixture f;
    f.receipt()["blobGasUsed"] = "0x20000";
    f.receipt()["blobGasPrice"] = "0x7";
    f.receipt()["depositNonce"] = "0x3";
    f.receipt()["depositReceiptVersion"] = "0x1";
    f.receipt()["contractAddress"] = hex('0', 20);
    f.receipts[1]["contractAddress"] = hex('c', 20);
    f.receipts[1]["status"] = nullptr;
    f.receipts[1]["root"] = hex('d', 32);
    f.receipts[1]["logsBloom"] = nullptr;
    f.receipt()["root"] = "0x";
    f.expect_ok();
    const auto& [first, second] = std::pair(f.out.receipts[0], f.out.receipts[1]);
    EXPECT_EQ(first.status, true);
    EXPECT_FALSE(first.root || first.contract_address);
    EXPECT_EQ(first.effective_gas_price, Uint256(1));
    EXPECT_EQ(first.blob_gas_used, 0x20000U);
    EXPECT_EQ(first.blob_gas_price, Uint256(7));
    EXPECT_EQ(first.deposit_nonce, 3U);
    EXPECT_EQ(first.deposit_receipt_version, 1U);
    EXPECT_TRUE(first.logs_bloom && first.logs_bloom->is_zero());
    EXPECT_FALSE(second.status || second.logs_bloom);
    EXPECT_EQ(second.root, filled<32>(0xdd));
    EXPECT_EQ(second.contract_address, filled<20>(0xcc));
    EXPECT_EQ(second.cumulative_gas_used, 42000U);
    EXPECT_EQ(second.gas_used, 21000U);
    for (const auto* key : {"cumulativeGasUsed", "gasUsed", "logs"}) {
        Fixture g;
        g.receipt().erase(key);
        g.expect_bad("receipt 0");
    }
    f.receipt()["status"] = "0x2";
    f.expect_bad("receipt 0: field \"status\" is 2, expected 0 or 1");
}

TEST(BlockDecoder, ReadsEveryStandardTransactionType) {
    for (int type = 0; type <= 4; ++type) {
        Fixture f(type);
        f.expect_ok();
        const evm::Transaction& tx = f.out.transactions[0];
        EXPECT_EQ(tx.type, static_cast<std::uint32_t>(type));
        EXPECT_EQ(tx.has_access_list, type > 0);
        EXPECT_EQ(to_hex(tx.r.to_big_endian().view()), "00" + std::string(62, '9'));
        EXPECT_EQ(tx.blob_hashes.count, type == 3 ? 1U : 0U);
        EXPECT_EQ(tx.extra_json, "");
    }
    const std::vector<std::pair<int, std::vector<std::string>>> required = {
        {0, {"hash", "from", "nonce", "gas", "value", "input", "gasPrice"}},
        {1, {"gasPrice", "chainId", "accessList"}},
        {2, {"chainId", "accessList", "maxFeePerGas", "maxPriorityFeePerGas"}},
        {3, {"maxFeePerBlobGas", "blobVersionedHashes"}},
        {4, {"authorizationList"}}};
    for (const auto& [type, keys] : required) {
        for (const auto& key : keys) {
            Fixture f(type);
            f.tx().erase(key);
            f.expect_bad(fmt::format("block 16: transaction 0: field \"{}\" is missing", key));
        }
    }
}

TEST(BlockDecoder, KnowsAliasesAndCreations) {
    Fixture f;
    f.tx().erase("input");
    f.tx()["data"] = "0x1234";
    f.tx().erase("type");
    f.tx().erase("v");
    f.tx().erase("r");
    f.tx().erase("s");
    f.tx()["to"] = nullptr;
    f.expect_ok();
    const evm::Transaction& tx = f.out.transactions[0];
    EXPECT_EQ(to_hex(tx.input), "1234");
    EXPECT_EQ(tx.type, 0U);
    EXPECT_TRUE(tx.v.is_zero() && tx.r.is_zero() && tx.s.is_zero());
    EXPECT_FALSE(tx.to);
    EXPECT_EQ(tx.extra_json, "");
    f.tx()["to"] = "0x";
    f.expect_ok();
    EXPECT_FALSE(f.out.transactions[0].to);
    f.tx().erase("to");
    f.tx()["input"] = "0x1234";
    f.expect_ok();
    EXPECT_FALSE(f.out.transactions[0].to);
    f.tx()["input"] = "0x1235";
    f.expect_bad("transaction 0: field \"data\" differs from \"input\"");
    f.block["transactions"] = {hex('d', 32)};
    f.expect_bad("block 16: field \"transactions\" holds hashes, expected transaction objects");
}

TEST(BlockDecoder, ChecksParityAndChainId) {
    Fixture f(2);
    f.tx()["yParity"] = "0x2";
    f.expect_bad("transaction 0: field \"yParity\" is 2, expected 0 or 1");
    f.tx().erase("yParity");
    f.tx()["v"] = "0x1b";
    f.expect_bad("transaction 0: field \"v\" is 27, expected 0 or 1");
    f.tx()["v"] = "0x0";
    f.expect_ok();
    f.tx()["chainId"] = "0x10000000000000000";
    f.expect_bad("transaction 0: field \"chainId\" exceeds 64 bits");

    Fixture g;
    g.tx()["v"] = "0x20000000000000022";  // chain id 2^64 - 1
    g.expect_ok();
    g.tx()["v"] = "0x20000000000000023";
    g.expect_bad("field \"v\" stands for a chain id above 64 bits");
    g.tx()["v"] = "0x0";  // an unsigned system transaction
    g.expect_ok();
    EXPECT_EQ(g.out.transactions[0].extra_json, R"({"tx":{"v":"0x0"}})");
}

TEST(BlockDecoder, ReadsNestedLists) {
    Fixture f(4);
    f.tx()["accessList"] = {{{"address", hex('1', 20)}, {"storageKeys", {hex('2', 32), hex('3', 32)}}},
                            {{"storageKeys", Json::array()}, {"address", hex('4', 20)}}};
    f.tx()["authorizationList"] = {{{"chainId", "0x" + std::string(64, 'f')},
                                    {"address", hex('5', 20)},
                                    {"nonce", "0xffffffffffffffff"},
                                    {"yParity", "0xff"},
                                    {"r", "0x1"},
                                    {"s", "0x2"}},
                                   {{"chainId", "0x1"},
                                    {"address", hex('6', 20)},
                                    {"nonce", "0x0"},
                                    {"v", "0x1"},
                                    {"r", "0x1"},
                                    {"s", "0x2"}}};
    f.block["transactions"][1]["accessList"] = {{{"address", hex('7', 20)}, {"storageKeys", {hex('8', 32)}}}};
    f.expect_ok();
    const evm::Transaction& tx = f.out.transactions[0];
    ASSERT_EQ(tx.access_list.count, 2U);
    EXPECT_EQ(f.out.access_entries[0].storage_keys.count, 2U);
    EXPECT_EQ(f.out.access_entries[1].address, filled<20>(0x44));
    EXPECT_EQ(f.out.transactions[1].access_list.first, 2U);
    EXPECT_EQ(f.out.access_entries[2].storage_keys.first, 2U);
    EXPECT_EQ(f.out.storage_keys[2], filled<32>(0x88));
    ASSERT_EQ(tx.authorizations.count, 2U);
    EXPECT_EQ(f.out.authorizations[0].y_parity, 255);
    EXPECT_FALSE(f.out.authorizations[0].chain_id.fits_u128());
    EXPECT_EQ(f.out.authorizations[1].y_parity, 1);

    Json good = f.tx()["authorizationList"];
    f.tx()["authorizationList"][1].erase("v");
    f.expect_bad("transaction 0: authorization 1: field \"yParity\" is missing");
    f.tx()["authorizationList"] = good;
    f.tx()["authorizationList"][0]["yParity"] = "0x100";
    f.expect_bad("transaction 0: authorization 0: field \"yParity\" is 256, above");
    f.tx()["authorizationList"] = good;
    f.tx()["accessList"][1].erase("address");
    f.expect_bad("transaction 0: access list entry 1: field \"address\" is missing");
}

TEST(BlockDecoder, ReadsDeposits) {
    Fixture f;
    f.options.profile = "op-stack";
    for (const auto* key : {"gasPrice", "v", "r", "s"}) f.tx().erase(key);
    f.tx()["type"] = "0x7e";
    f.tx()["sourceHash"] = hex('1', 32);
    f.tx()["mint"] = "0x5";
    f.tx()["isSystemTx"] = true;
    f.tx()["gasPrice"] = "0x0";
    f.receipt()["l1Fee"] = "0x9";
    f.receipt()["l1GasUsed"] = nullptr;
    f.expect_ok();
    const evm::Transaction& tx = f.out.transactions[0];
    EXPECT_EQ(tx.type, 0x7eU);
    EXPECT_EQ(tx.source_hash, filled<32>(0x11));
    EXPECT_EQ(tx.mint, Uint256(5));
    EXPECT_TRUE(tx.is_system);
    EXPECT_EQ(tx.extra_json, R"({"receipt":{"l1Fee":"0x9"},"tx":{"gasPrice":"0x0"}})");
    f.tx()["isSystemTx"] = 1;
    f.expect_bad("field \"isSystemTx\" is neither true nor false but 1");
}

TEST(BlockDecoder, KeepsWhatNoColumnHolds) {
    Fixture f;
    f.tx()["type"] = "0x6a";
    f.tx()["chainId"] = "0xA4B1";
    f.tx()["maxFeePerGas"] = "0x1";
    f.tx()["maxPriorityFeePerGas"] = "0x2";
    f.tx()["accessList"] = {{{"storageKeys", Json::array()}, {"address", hex('1', 20)}}};
    f.tx()["requestId"] = "0x01";
    f.tx()["beta"] = {{"z", {1, 2}}, {"a", 1.5}};
    f.tx()["raw"] = "0x";
    f.tx()["publicKey"] = nullptr;
    f.tx()["blockTimestamp"] = "0x1";
    f.block["l1BlockNumber"] = "0x5";
    f.block["mixhashes"] = Json::array();
    f.receipts[1]["gasUsedForL1"] = "0x0";
    f.receipts[1]["blobGasPrice"] = "0x1";
    f.log()["blockTimestamp"] = "0x1";
    f.log()["colour"] = "red";
    f.expect_ok();
    EXPECT_EQ(f.out.header.extra_json, R"({"block":{"l1BlockNumber":"0x5","mixhashes":[]}})");
    EXPECT_EQ(
        f.out.transactions[0].extra_json,
        R"({"tx":{"accessList":[{"address":"0x)" + std::string(40, '1') +
            R"(","storageKeys":[]}],"beta":{"a":1.5,"z":[1,2]},"chainId":"0xA4B1","gasPrice":"0x3b9aca00",)"
            R"("maxFeePerGas":"0x1","maxPriorityFeePerGas":"0x2","requestId":"0x01","v":"0x1b"}})");
    EXPECT_EQ(f.out.transactions[1].extra_json, R"({"receipt":{"gasUsedForL1":"0x0"}})");
    EXPECT_EQ(f.out.logs[0].extra_json, R"({"colour":"red"})");
    EXPECT_EQ(f.out.logs[1].extra_json, "");
    const auto& counts = f.decoder.counters().unknown_fields;
    EXPECT_EQ(counts.size(), 6U);
    EXPECT_EQ(counts.at("block.l1BlockNumber"), 1U);
    EXPECT_EQ(counts.at("tx.requestId"), 1U);
    EXPECT_EQ(counts.at("receipt.gasUsedForL1"), 1U);
    EXPECT_EQ(counts.at("log.colour"), 1U);

    ASSERT_TRUE(f.run_block().ok());
    EXPECT_EQ(f.out.transactions[1].extra_json, "");
    EXPECT_THAT(std::string(f.out.transactions[0].extra_json), HasSubstr(R"({"tx":{"accessList")"));
}

TEST(BlockDecoder, TakesTheFieldsThatAnvilAdds) {
    Fixture f(3);
    for (const auto* key : {"blobs", "commitments", "cellProofs"}) f.tx()[key] = {"0x00"};
    f.receipt()["blobGasPrice"] = "0x1";
    f.receipt()["blockTimestamp"] = "0x65000000";
    f.expect_ok();
    EXPECT_EQ(f.out.transactions[0].extra_json,
              R"({"tx":{"blobs":["0x00"],"cellProofs":["0x00"],"commitments":["0x00"]}})");
}

TEST(BlockDecoder, BoundsTheCountedFields) {
    Fixture f;
    for (int i = 0; i < 200; ++i) f.block["field" + std::to_string(i)] = i;
    f.block["free text"] = 1;
    f.block[std::string(300, 'x')] = 1;
    f.expect_ok();
    const auto& counts = f.decoder.counters().unknown_fields;
    EXPECT_EQ(counts.size(), DecodeCounters::kUnknownFieldsMax + 1);
    EXPECT_EQ(counts.at("block.other"), 200 - DecodeCounters::kUnknownFieldsMax + 2);
}

TEST(BlockDecoder, ReadsHeadersAlone) {
    Fixture f;
    std::string text = f.block.dump();
    const std::size_t size = text.size();
    text.append(64, ' ');
    ASSERT_TRUE(f.decoder.decode_header(std::string_view(text).substr(0, size), f.out).ok());
    EXPECT_EQ(f.out.header.number, 16U);
    EXPECT_TRUE(f.out.transactions.empty());

    f.block["transactions"] = {hex('d', 32), hex('e', 32)};
    f.options.full_transactions = false;
    ASSERT_TRUE(f.run_block().ok());
    EXPECT_EQ(f.out.header.gas_used, 42000U);
    f.block.erase("transactions");
    ASSERT_TRUE(f.run_block().ok());
    EXPECT_EQ(f.run().error().code, Code::kInvalidArgument);
    f.options.expected_number = 5;
    EXPECT_EQ(f.run_block().error().reason, "BAD_DATA");
    f.block.erase("hash");
    text = f.block.dump() + std::string(64, ' ');
    EXPECT_EQ(f.decoder.decode_header(text, f.out).error().message,
              "block header: field \"hash\" is missing");
    EXPECT_EQ(f.decoder.decode_header("null" + std::string(64, ' '), f.out).error().reason, "NULL_BLOCK");
}

TEST(BlockDecoder, AcceptsWhiteSpaceEverywhere) {
    Fixture f(3);
    f.block["other"] = {{"a", {1, 2}}};
    const auto result = f.run("  " + f.block.dump(4) + "\r\n\t ", "\n" + f.receipts.dump(1, '\t') + "\n");
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_EQ(f.out.header.extra_json, R"({"block":{"other":{"a":[1,2]}}})");
    EXPECT_EQ(f.out.transactions[0].extra_json, "");
}

TEST(BlockDecoder, RefusesOtherJson) {
    Fixture f;
    const std::string block = f.block.dump();
    for (const std::string& text :
         {std::string(), std::string(" "), std::string("[]"), std::string("1"), std::string("\"x\""),
          std::string("{"), std::string("{}"), block + "x", block + "{}", block + block, "[" + block + "]",
          std::string("nullx"), std::string("{\"number\" \"0x10\"}"), std::string("{\"number\":\"0x10\",}"),
          std::string("{number:1}")})
        EXPECT_EQ(f.run(text, std::nullopt).error().reason, "BAD_DATA") << text.substr(0, 40);
    const std::string receipts = f.receipts.dump();
    for (const std::string& text :
         {std::string(), std::string("{}"), std::string("[1]"), std::string("[null,null]"), std::string("["),
          receipts + "]", receipts + "1"})
        EXPECT_EQ(f.run(block, text).error().reason, "BAD_DATA") << text.substr(0, 40);
}

// The block of the mutation tests uses every kind of object.
struct RichFixture : Fixture {
    RichFixture() : Fixture(4) {
        tx()["accessList"] = {{{"address", hex('1', 20)}, {"storageKeys", {hex('2', 32)}}}};
        tx()["authorizationList"] = {{{"chainId", "0x1"},
                                      {"address", hex('5', 20)},
                                      {"nonce", "0x1"},
                                      {"yParity", "0x1"},
                                      {"r", "0x1"},
                                      {"s", "0x2"}}};
        tx()["unknown"] = {{"b", {1, "x\\u0041\"", nullptr}}, {"a", -1.5e3}};
        block["withdrawals"] = {
            {{"index", "0x1"}, {"validatorIndex", "0x2"}, {"address", hex('3', 20)}, {"amount", "0x4"}}};
        block["logsBloom"] = nullptr;
        for (Json& receipt : receipts) receipt["logsBloom"] = nullptr;
        log()["extra"] = Json::array();
    }
};

// Text in a buffer of exactly its size and the padding, so that a checker sees any read behind it.
Result<> run_exactly(Fixture& f, std::string_view block, std::string_view receipts) {
    const auto padded = [](std::string_view text) {
        auto buffer = std::make_unique<char[]>(text.size() + 64);
        std::copy(text.begin(), text.end(), buffer.get());
        return buffer;
    };
    const auto block_buffer = padded(block);
    const auto receipts_buffer = padded(receipts);
    return f.decoder.decode({block_buffer.get(), block.size()},
                            std::string_view(receipts_buffer.get(), receipts.size()), f.options, f.out);
}

TEST(BlockDecoder, SurvivesTruncationAtEveryByte) {
    RichFixture f;
    const std::string block = f.block.dump();
    const std::string receipts = f.receipts.dump();
    ASSERT_TRUE(run_exactly(f, block, receipts).ok());
    for (std::size_t size = 0; size < block.size(); ++size)
        ASSERT_FALSE(run_exactly(f, std::string_view(block).substr(0, size), receipts).ok()) << size;
    for (std::size_t size = 0; size < receipts.size(); ++size)
        ASSERT_FALSE(run_exactly(f, block, std::string_view(receipts).substr(0, size)).ok()) << size;
    ASSERT_TRUE(run_exactly(f, block, receipts).ok());
}

TEST(BlockDecoder, SurvivesFlippedBitsAndMovedBytes) {
    RichFixture f;
    const std::string block = f.block.dump();
    const std::string receipts = f.receipts.dump();
    std::mt19937 random(42);
    const auto pick = [&](std::size_t n) { return std::size_t{random()} % n; };
    constexpr std::string_view kPieces = "{}[]\",:\\0x \nnulltrue1-e\xff\xc3";
    for (int round = 0; round < 20'000; ++round) {
        std::string texts[2] = {block, receipts};
        std::string& text = texts[pick(2)];
        for (std::size_t i = 0, changes = 1 + pick(3); i < changes; ++i) {
            const std::size_t at = pick(text.size());
            switch (pick(4)) {
                case 0:
                    text[at] = static_cast<char>(text[at] ^ (1 << pick(8)));
                    break;
                case 1:
                    text[at] = kPieces[pick(kPieces.size())];
                    break;
                case 2:
                    text.insert(at, 1, kPieces[pick(kPieces.size())]);
                    break;
                default:
                    text.erase(at, 1 + pick(40));
                    break;
            }
            if (text.empty()) text = " ";
        }
        const auto result = run_exactly(f, texts[0], texts[1]);
        if (!result.ok()) {
            ASSERT_FALSE(result.error().reason.empty());
            continue;
        }
        ASSERT_EQ(f.out.transactions.size(), f.out.receipts.size());
        for (const auto& tx : f.out.transactions)
            ASSERT_TRUE(tx.extra_json.empty() || Json::accept(tx.extra_json)) << tx.extra_json;
    }
}

}  // namespace
}  // namespace amp::extract::evm_rpc
