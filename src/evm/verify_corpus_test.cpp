// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "evm/verify.hpp"

#include "evm/naive_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

// Recorded and generated chains, if they lie beside the checkout: every fork, every transaction type, real L2
// blocks.
namespace amp::evm {
namespace {

using nlohmann::json;

std::optional<std::filesystem::path> find_data(const std::string& name) {
    if (const char* const folder = std::getenv("AMP_SHARED_DATA")) {
        auto path = std::filesystem::path(folder) / name;
        if (std::filesystem::exists(path)) return path;
    }
    const char* const source = std::getenv("AMP_SOURCE_DIR");
    std::filesystem::path root =
        source != nullptr ? std::filesystem::path(source) : std::filesystem::current_path();
    for (; !root.empty(); root = root.parent_path()) {
        auto path = root / "shared" / "data" / name;
        if (std::filesystem::exists(path)) return path;
        if (root == root.root_path()) break;
    }
    return std::nullopt;
}

std::string decompressed(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string packed{std::istreambuf_iterator<char>(file), {}};
    std::string out;
    std::vector<char> chunk(1 << 20);
    const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream(ZSTD_createDStream(),
                                                                            &ZSTD_freeDStream);
    ZSTD_inBuffer input{packed.data(), packed.size(), 0};
    while (input.pos < input.size) {
        ZSTD_outBuffer output{chunk.data(), chunk.size(), 0};
        if (ZSTD_isError(ZSTD_decompressStream(stream.get(), &output, &input)) != 0) return {};
        out.append(chunk.data(), output.pos);
    }
    return out;
}

const json* member(const json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() || found->is_null() ? nullptr : &*found;
}

Uint256 number(const json& text) { return *parse_uint256_hex(text.get<std::string>().substr(2)); }
std::uint64_t small(const json& text) { return number(text).low64(); }
template <std::size_t N>
FixedBytes<N> fixed(const json& text) {
    return *parse_fixed_hex<N>(text.get<std::string>());
}
std::optional<Uint256> optional_number(const json& object, const char* name) {
    const json* const found = member(object, name);
    return found != nullptr ? std::optional(number(*found)) : std::nullopt;
}
std::optional<std::uint64_t> optional_small(const json& object, const char* name) {
    const auto value = optional_number(object, name);
    return value ? std::optional(value->low64()) : std::nullopt;
}
template <std::size_t N>
std::optional<FixedBytes<N>> optional_fixed(const json& object, const char* name) {
    const json* const found = member(object, name);
    return found != nullptr ? std::optional(fixed<N>(*found)) : std::nullopt;
}
template <typename T>
std::uint32_t count(const std::vector<T>& list) {
    return static_cast<std::uint32_t>(list.size());
}

class Decoder {
  public:
    explicit Decoder(Block& block) : block_(block) {}

    void decode(const json& line) {
        block_.clear();
        decode_header(line["block"]);
        for (const json& each : line["block"]["transactions"]) decode_transaction(each);
        if (const json* const receipts = member(line, "receipts"))
            for (const json& each : *receipts) decode_receipt(each);
    }

  private:
    ByteView bytes(const json& text) { return block_.arena.copy(*parse_hex(text.get<std::string>())); }

    void decode_header(const json& from) {
        Header& header = block_.header;
        header.number = small(from["number"]);
        header.hash = fixed<32>(from["hash"]);
        header.parent_hash = fixed<32>(from["parentHash"]);
        header.ommers_hash = fixed<32>(from["sha3Uncles"]);
        header.miner = fixed<20>(from["miner"]);
        header.state_root = fixed<32>(from["stateRoot"]);
        header.transactions_root = fixed<32>(from["transactionsRoot"]);
        header.receipts_root = fixed<32>(from["receiptsRoot"]);
        header.logs_bloom = fixed<256>(from["logsBloom"]);
        header.difficulty = number(from["difficulty"]);
        header.gas_limit = small(from["gasLimit"]);
        header.gas_used = small(from["gasUsed"]);
        header.timestamp = small(from["timestamp"]);
        header.extra_data = bytes(from["extraData"]);
        header.mix_hash = optional_fixed<32>(from, "mixHash").value_or(Hash32{});
        header.nonce = optional_small(from, "nonce").value_or(0);
        header.base_fee_per_gas = optional_number(from, "baseFeePerGas");
        header.withdrawals_root = optional_fixed<32>(from, "withdrawalsRoot");
        header.blob_gas_used = optional_small(from, "blobGasUsed");
        header.excess_blob_gas = optional_small(from, "excessBlobGas");
        header.parent_beacon_root = optional_fixed<32>(from, "parentBeaconBlockRoot");
        header.requests_hash = optional_fixed<32>(from, "requestsHash");
        header.block_access_list_hash = optional_fixed<32>(from, "blockAccessListHash");
        header.slot_number = optional_small(from, "slotNumber");
        if (const json* const uncles = member(from, "uncles")) {
            header.has_uncles = true;
            for (const json& each : *uncles) block_.uncle_hashes.push_back(fixed<32>(each));
        }
        if (const json* const withdrawals = member(from, "withdrawals")) {
            header.has_withdrawals = true;
            for (const json& each : *withdrawals)
                block_.withdrawals.push_back({small(each["index"]), small(each["validatorIndex"]),
                                              fixed<20>(each["address"]), small(each["amount"])});
        }
    }

    void decode_transaction(const json& from) {
        Transaction tx;
        tx.hash = fixed<32>(from["hash"]);
        tx.from = fixed<20>(from["from"]);
        tx.to = optional_fixed<20>(from, "to");
        tx.type = static_cast<std::uint32_t>(optional_small(from, "type").value_or(0));
        tx.nonce = small(from["nonce"]);
        tx.gas = small(from["gas"]);
        tx.value = number(from["value"]);
        tx.input = bytes(from["input"]);
        tx.gas_price = optional_number(from, "gasPrice");
        tx.max_fee_per_gas = optional_number(from, "maxFeePerGas");
        tx.max_priority_fee_per_gas = optional_number(from, "maxPriorityFeePerGas");
        tx.max_fee_per_blob_gas = optional_number(from, "maxFeePerBlobGas");
        tx.chain_id = optional_number(from, "chainId");
        tx.v = optional_number(from, "v").value_or(Uint256{});
        tx.y_parity = optional_small(from, "yParity");
        tx.r = optional_number(from, "r").value_or(Uint256{});
        tx.s = optional_number(from, "s").value_or(Uint256{});
        tx.source_hash = optional_fixed<32>(from, "sourceHash");
        tx.mint = optional_number(from, "mint");
        if (const json* const system = member(from, "isSystemTx")) tx.is_system = system->get<bool>();
        if (const json* const list = member(from, "accessList")) {
            tx.has_access_list = true;
            tx.access_list = {count(block_.access_entries), count(list->get_ref<const json::array_t&>())};
            for (const json& each : *list) {
                const json& keys = each["storageKeys"];
                block_.access_entries.push_back(
                    {fixed<20>(each["address"]),
                     {count(block_.storage_keys),
                      static_cast<std::uint32_t>(keys.is_null() ? 0 : keys.size())}});
                for (const json& key : keys) block_.storage_keys.push_back(fixed<32>(key));
            }
        }
        if (const json* const list = member(from, "blobVersionedHashes")) {
            tx.blob_hashes = {count(block_.blob_hashes), static_cast<std::uint32_t>(list->size())};
            for (const json& each : *list) block_.blob_hashes.push_back(fixed<32>(each));
        }
        if (const json* const list = member(from, "authorizationList")) {
            tx.authorizations = {count(block_.authorizations), static_cast<std::uint32_t>(list->size())};
            for (const json& each : *list)
                block_.authorizations.push_back({number(each["chainId"]), fixed<20>(each["address"]),
                                                 small(each["nonce"]),
                                                 static_cast<std::uint8_t>(small(each["yParity"])),
                                                 number(each["r"]), number(each["s"])});
        }
        if (tx.type > 4) tx.extra_json = block_.arena.copy(std::string_view(json{{"tx", from}}.dump()));
        block_.transactions.push_back(tx);
    }

    void decode_receipt(const json& from) {
        Receipt receipt;
        receipt.root = optional_fixed<32>(from, "root");
        if (const auto status = optional_small(from, "status")) receipt.status = *status != 0;
        receipt.cumulative_gas_used = small(from["cumulativeGasUsed"]);
        receipt.deposit_nonce = optional_small(from, "depositNonce");
        receipt.deposit_receipt_version = optional_small(from, "depositReceiptVersion");
        receipt.logs_bloom = optional_fixed<256>(from, "logsBloom");
        receipt.logs = {count(block_.logs), static_cast<std::uint32_t>(from["logs"].size())};
        for (const json& each : from["logs"]) {
            Log log;
            log.address = fixed<20>(each["address"]);
            for (const json& topic : each["topics"]) log.topics.at(log.topic_count++) = fixed<32>(topic);
            log.data = bytes(each["data"]);
            block_.logs.push_back(log);
        }
        block_.receipts.push_back(receipt);
    }

    Block& block_;
};

// Expects a verdict other than "unverifiable" of every check of every block; returns the number of blocks.
std::size_t verify_all(const std::filesystem::path& path) {
    std::istringstream lines(decompressed(path));
    Verifier verifier;
    Block block;
    std::size_t blocks = 0;
    for (std::string line; std::getline(lines, line); ++blocks) {
        Decoder(block).decode(json::parse(line));
        const auto verdicts =
            verifier.verify(block, true, block.receipts.size() == block.transactions.size());
        if (!verdicts.ok()) {
            ADD_FAILURE() << verdicts.error().message;
            continue;
        }
        EXPECT_THAT(*verdicts, testing::Each(testing::Ne(Verdict::kUnverifiable)))
            << "block " << block.header.number;
        for (const Check check : {Check::kHeader, Check::kTransactions, Check::kReceipts, Check::kBloom})
            EXPECT_EQ((*verdicts)[static_cast<std::size_t>(check)], Verdict::kOk)
                << "block " << block.header.number << " " << to_string(check);
    }
    return blocks;
}

class VerifierCorpus : public testing::TestWithParam<std::pair<const char*, std::size_t>> {};

TEST_P(VerifierCorpus, ProvesEveryBlock) {
    const auto path = find_data(GetParam().first);
    if (!path) GTEST_SKIP() << GetParam().first << " is absent; set AMP_SHARED_DATA to its folder";
    EXPECT_EQ(verify_all(*path), GetParam().second);
}

INSTANTIATE_TEST_SUITE_P(All, VerifierCorpus,
                         testing::Values(std::pair{"mainnetlike-20.jsonl.zst", std::size_t{21}},
                                         std::pair{"execution-apis-chain.jsonl.zst", std::size_t{55}},
                                         std::pair{"real-blocks.jsonl.zst", std::size_t{12}}));

}  // namespace
}  // namespace amp::evm
