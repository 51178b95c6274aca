// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "evm/verify.hpp"

#include "evm/sample_block_test.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace amp::evm {
namespace {

using naive::filled;
using naive::make_block;
using naive::make_sealed_block;
using testing::HasSubstr;

constexpr Verdicts kAllOk = {Verdict::kOk, Verdict::kOk, Verdict::kOk, Verdict::kOk, Verdict::kOk};

Verdict of(const Result<Verdicts>& verdicts, Check check) {
    EXPECT_TRUE(verdicts.ok()) << verdicts.error().message;
    return verdicts.ok() ? verdicts.value()[static_cast<std::size_t>(check)] : Verdict::kNotRun;
}

void expect_failure(const Result<Verdicts>& verdicts, Check check, std::string_view text = {}) {
    ASSERT_FALSE(verdicts.ok());
    EXPECT_EQ(verdicts.error().code, Code::kCorruption);
    EXPECT_EQ(verdicts.error().reason, to_string(check)) << verdicts.error().message;
    EXPECT_THAT(verdicts.error().message, HasSubstr(fmt::format("fails the {} check", to_string(check))));
    EXPECT_THAT(verdicts.error().message, HasSubstr(std::string(text)));
}

TEST(Verifier, ProvesABlockOfEveryTransactionType) {
    Verifier verifier;
    const Block block = make_sealed_block();
    const auto verdicts = verifier.verify(block, true, true);
    ASSERT_TRUE(verdicts.ok()) << verdicts.error().message;
    EXPECT_EQ(*verdicts, kAllOk);
}

// Ethereum mainnet, block 0.
TEST(Verifier, ProvesTheGenesisBlock) {
    Block block;
    Header& header = block.header;
    header.hash = *parse_fixed_hex<32>("d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3");
    header.ommers_hash =
        *parse_fixed_hex<32>("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
    header.state_root =
        *parse_fixed_hex<32>("d7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544");
    header.transactions_root =
        *parse_fixed_hex<32>("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
    header.receipts_root = header.transactions_root;
    header.difficulty = 17'179'869'184;
    header.gas_limit = 5000;
    const auto extra = *parse_hex("11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa");
    header.extra_data = extra;
    header.nonce = 0x42;
    header.has_uncles = true;
    Verifier verifier;
    const auto verdicts = verifier.verify(block, true, true);
    ASSERT_TRUE(verdicts.ok()) << verdicts.error().message;
    EXPECT_EQ(*verdicts,
              (Verdicts{Verdict::kOk, Verdict::kOk, Verdict::kOk, Verdict::kOk, Verdict::kNotRun}));
}

// Ethereum mainnet, block 468179: one transaction from before EIP-155 and one receipt with a state root.
TEST(Verifier, ProvesARealFrontierBlock) {
    const auto hash = [](std::string_view text) { return *parse_fixed_hex<32>(text); };
    const auto address = [](std::string_view text) { return *parse_fixed_hex<20>(text); };
    const auto number = [](std::string_view text) { return *parse_uint256_hex(text); };
    Block block;
    Header& header = block.header;
    header.number = 468'179;
    header.hash = hash("e805b3877010a74a5b73a3e6b7796269b7dcb081d14740fdfdd1576376d3d399");
    header.parent_hash = hash("4a57d475f0cd62402493584769b6c0514cee314dba0f6ae95e7dd1655fc469fe");
    header.ommers_hash = hash("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
    header.miner = address("580992b51e3925e23280efb93d3047c82f17e038");
    header.state_root = hash("c697a1b4b7bb9595009ebadda66628ad22760b2e0f808d7d52373871bac7d726");
    header.transactions_root = hash("56db4c0e30fb2eb0cd02f61b9db0f4ba4f9324668313edab229d5ba412e79e13");
    header.receipts_root = hash("8cfcd20791a8fe95f68a47f0a185fd7929eecbbcdd125efa486b723ec5423b47");
    header.difficulty = 0x718bdeb95aa;
    header.gas_limit = 0x2fefd8;
    header.gas_used = 0x5208;
    header.timestamp = 0x5634b103;
    const auto extra = *parse_hex("d783010203844765746887676f312e352e31856c696e7578");
    header.extra_data = extra;
    header.mix_hash = hash("ea4c94b3f6eb08abb6c686c36af633b83122be495d86ea4e098fde817207acf2");
    header.nonce = 0x9a3339f6b068a3b0;
    header.has_uncles = true;
    Transaction tx;
    tx.hash = hash("7aa5a3987b0806bca267ed9dc26bd3d5dae700844fbe2d30190a9b9ef6bd42de");
    tx.to = address("32be343b94f860124dc4fee278fdcbd38c102d88");
    tx.nonce = 0x58;
    tx.gas = 0x5208;
    tx.gas_price = 0xba43b7400;
    tx.value = 0x17fa00f9d0cda000;
    tx.v = 0x1c;
    tx.r = number("1a2df19e8e3c6e3d3867b2e7737b36bc2dd2dd2f5340360ae0a723125608b5a9");
    tx.s = number("ad8d0b45e500f60e4fc43f9910f1e7e34289d13b6142a8808b6da1700574177");
    block.transactions = {tx};
    Receipt receipt;
    receipt.root = hash("a2a560948f043e50fbd160eb400191e59e32751e93b332be03e3b0de7c782634");
    receipt.cumulative_gas_used = 0x5208;
    block.receipts = {receipt};
    Verifier verifier;
    const auto verdicts = verifier.verify(block, true, true);
    ASSERT_TRUE(verdicts.ok()) << verdicts.error().message;
    EXPECT_EQ(*verdicts,
              (Verdicts{Verdict::kOk, Verdict::kOk, Verdict::kOk, Verdict::kOk, Verdict::kNotRun}));
}

TEST(Verifier, ProvesEveryFormOfTheHeader) {
    Verifier verifier;
    Block block = make_block();
    block.header.block_access_list_hash = filled(70);
    block.header.slot_number = 11'649'024;
    const std::vector<std::function<void(Header&)>> shorten = {
        [](Header&) {},
        [](Header& header) { header.slot_number.reset(), header.block_access_list_hash.reset(); },
        [](Header& header) { header.requests_hash.reset(); },
        [](Header& header) {
            header.parent_beacon_root.reset(), header.excess_blob_gas.reset(), header.blob_gas_used.reset();
        },
        [](Header& header) { header.withdrawals_root.reset(); },
        [](Header& header) { header.base_fee_per_gas.reset(); },
    };
    for (const auto& each : shorten) {
        each(block.header);
        if (!block.header.withdrawals_root) block.withdrawals.clear();
        naive::seal(block);
        const auto verdicts = verifier.verify(block, true, true);
        EXPECT_EQ(of(verdicts, Check::kHeader), Verdict::kOk);
        EXPECT_EQ(of(verdicts, Check::kWithdrawals),
                  block.header.withdrawals_root ? Verdict::kOk : Verdict::kNotRun);
    }
}

TEST(Verifier, RefusesAHeaderFieldBehindAnAbsentOne) {
    Verifier verifier;
    Block block = make_sealed_block();
    block.header.excess_blob_gas.reset();
    expect_failure(verifier.verify(block, true, true), Check::kHeader, "although one before it has none");
}

TEST(Verifier, RunsOnlyWhatItWasGiven) {
    Verifier verifier;
    Block block = make_sealed_block();
    const auto without_receipts = verifier.verify(block, true, false);
    EXPECT_EQ(of(without_receipts, Check::kTransactions), Verdict::kOk);
    EXPECT_EQ(of(without_receipts, Check::kReceipts), Verdict::kNotRun);
    EXPECT_EQ(of(without_receipts, Check::kBloom), Verdict::kNotRun);
    block.transactions.clear();
    block.receipts.clear();
    const auto header_only = verifier.verify(block, false, false);
    EXPECT_EQ(of(header_only, Check::kHeader), Verdict::kOk);
    EXPECT_EQ(of(header_only, Check::kTransactions), Verdict::kNotRun);
    EXPECT_EQ(of(header_only, Check::kWithdrawals), Verdict::kOk);
}

TEST(Verifier, AcceptsRawSignatureValuesOfUnsignedSystemTransactions) {
    Verifier verifier;
    Block block = make_block();
    for (const std::uint64_t v : {0U, 1U, 27U, 35U, 0x1234567U}) {
        block.transactions[1].v = v;
        naive::seal(block);
        EXPECT_TRUE(verifier.verify(block, true, true).ok()) << v;
    }
}

TEST(Verifier, TakesVAsParityWhereNoParityWasSent) {
    Verifier verifier;
    Block block = make_block();
    for (Transaction& each : block.transactions) each.y_parity.reset();
    naive::seal(block);
    EXPECT_TRUE(verifier.verify(block, true, true).ok());
}

TEST(Verifier, ProvesReceiptsFromBeforeByzantium) {
    Verifier verifier;
    Block block = make_block();
    for (Receipt& each : block.receipts) {
        each.status.reset();
        each.root = filled(200);
    }
    naive::seal(block);
    EXPECT_TRUE(verifier.verify(block, true, true).ok());
    block.receipts[3].root = filled(201);
    expect_failure(verifier.verify(block, true, true), Check::kReceipts);
}

TEST(Verifier, LeavesTheDepositNonceOutOfReceiptsWithoutVersion) {
    Verifier verifier;
    Block block = make_block();
    block.receipts[6].deposit_receipt_version.reset();
    naive::seal(block);
    EXPECT_TRUE(verifier.verify(block, true, true).ok());
    block.receipts[6].deposit_nonce = 78;
    EXPECT_TRUE(verifier.verify(block, true, true).ok());
}

struct Mutation {
    std::string name;
    std::function<void(Block&)> apply;
    Check fails;
    std::string text = {};
};

class VerifierMutation : public testing::TestWithParam<Mutation> {};

TEST_P(VerifierMutation, FailsTheCheck) {
    Verifier verifier;
    Block block = make_sealed_block();
    GetParam().apply(block);
    const auto verdicts = verifier.verify(block, true, true);
    expect_failure(verdicts, GetParam().fails, GetParam().text);
    EXPECT_THAT(verdicts.error().message, HasSubstr("block 22431084 "));
    // What an abandoned block left behind does not disturb the next one.
    EXPECT_TRUE(verifier.verify(make_sealed_block(), true, true).ok());
}

std::string mutation_name(const testing::TestParamInfo<Mutation>& mutation) { return mutation.param.name; }

template <std::size_t N>
void flip(FixedBytes<N>& value) {
    value.bytes[N - 1] ^= 1;
}
template <std::size_t N>
void flip(std::optional<FixedBytes<N>>& value) {
    flip(*value);
}
void flip(Uint256& value) { value.limbs[0] ^= 1; }
void flip(std::uint64_t& value) { value ^= 1; }
template <typename T>
void flip(std::optional<T>& value) {
    flip(*value);
}
void flip(ByteView& bytes) { bytes = bytes.first(bytes.size() - 1); }

#define HEADER(field)                                                                                     \
    Mutation {                                                                                            \
#field, [](Block & b) { flip(b.header.field); }, Check::kHeader, "the header's hash: expected 0x" \
    }
INSTANTIATE_TEST_SUITE_P(
    Header, VerifierMutation,
    testing::Values(
        HEADER(hash), HEADER(parent_hash), HEADER(ommers_hash), HEADER(miner), HEADER(state_root),
        HEADER(transactions_root), HEADER(receipts_root), HEADER(logs_bloom), HEADER(difficulty),
        HEADER(gas_limit), HEADER(gas_used), HEADER(timestamp), HEADER(extra_data), HEADER(mix_hash),
        HEADER(nonce), HEADER(base_fee_per_gas), HEADER(withdrawals_root), HEADER(blob_gas_used),
        HEADER(excess_blob_gas), HEADER(parent_beacon_root), HEADER(requests_hash),
        Mutation{"dropped_requests_hash", [](Block& b) { b.header.requests_hash.reset(); }, Check::kHeader},
        Mutation{"added_slot", [](Block& b) { b.header.slot_number = 1; }, Check::kHeader},
        Mutation{"uncles", [](Block& b) { b.uncle_hashes = {filled(1)}; }, Check::kHeader, "1 uncles"}),
    mutation_name);

#define TRANSACTION(index, field)                                                                          \
    Mutation {                                                                                             \
        "tx" #index "_" #field, [](Block& b) { flip(b.transactions[index].field); }, Check::kTransactions, \
            "the hash of transaction " #index ": expected 0x"                                              \
    }
INSTANTIATE_TEST_SUITE_P(Transaction, VerifierMutation,
                         testing::Values(TRANSACTION(0, hash), TRANSACTION(0, nonce),
                                         TRANSACTION(0, gas_price), TRANSACTION(0, gas), TRANSACTION(0, to),
                                         TRANSACTION(0, value), TRANSACTION(0, input), TRANSACTION(0, v),
                                         TRANSACTION(0, r), TRANSACTION(0, s), TRANSACTION(1, v),
                                         TRANSACTION(2, chain_id), TRANSACTION(2, gas_price),
                                         TRANSACTION(2, y_parity), TRANSACTION(3, chain_id),
                                         TRANSACTION(3, max_fee_per_gas),
                                         TRANSACTION(3, max_priority_fee_per_gas), TRANSACTION(3, to),
                                         TRANSACTION(4, max_fee_per_blob_gas), TRANSACTION(4, r),
                                         TRANSACTION(5, s), TRANSACTION(6, from), TRANSACTION(6, source_hash),
                                         TRANSACTION(6, mint), TRANSACTION(6, value), TRANSACTION(6, input)),
                         mutation_name);

INSTANTIATE_TEST_SUITE_P(
    TransactionParts, VerifierMutation,
    testing::Values(Mutation{"type", [](Block& b) { b.transactions[3].type = 4; }, Check::kTransactions,
                             "transaction 3"},
                    Mutation{"creation", [](Block& b) { b.transactions[0].to.reset(); }, Check::kTransactions,
                             "transaction 0"},
                    Mutation{"legacy_chain_id", [](Block& b) { b.transactions[0].chain_id = 5; },
                             Check::kTransactions, "the chain id of transaction 0: expected 5, computed 1"},
                    Mutation{"system", [](Block& b) { b.transactions[6].is_system = false; },
                             Check::kTransactions, "transaction 6"},
                    Mutation{"access_address", [](Block& b) { flip(b.access_entries[1].address); },
                             Check::kTransactions, "transaction 2"},
                    Mutation{"access_key", [](Block& b) { flip(b.storage_keys[2]); }, Check::kTransactions,
                             "transaction 2"},
                    Mutation{"fewer_keys", [](Block& b) { b.access_entries[0].storage_keys.count = 1; },
                             Check::kTransactions, "transaction 2"},
                    Mutation{"fewer_entries", [](Block& b) { b.transactions[3].access_list.count = 2; },
                             Check::kTransactions, "transaction 3"},
                    Mutation{"blob_hash", [](Block& b) { flip(b.blob_hashes[1]); }, Check::kTransactions,
                             "transaction 4"},
                    Mutation{"authorization_chain", [](Block& b) { flip(b.authorizations[1].chain_id); },
                             Check::kTransactions, "transaction 5"},
                    Mutation{"authorization_address", [](Block& b) { flip(b.authorizations[0].address); },
                             Check::kTransactions, "transaction 5"},
                    Mutation{"authorization_nonce", [](Block& b) { flip(b.authorizations[0].nonce); },
                             Check::kTransactions, "transaction 5"},
                    Mutation{"authorization_parity", [](Block& b) { b.authorizations[0].y_parity = 0; },
                             Check::kTransactions, "transaction 5"},
                    Mutation{"authorization_r", [](Block& b) { flip(b.authorizations[0].r); },
                             Check::kTransactions, "transaction 5"},
                    Mutation{"authorization_s", [](Block& b) { flip(b.authorizations[0].s); },
                             Check::kTransactions, "transaction 5"},
                    Mutation{"order", [](Block& b) { std::swap(b.transactions[2], b.transactions[3]); },
                             Check::kTransactions, "the transactions root: expected 0x"},
                    Mutation{"missing",
                             [](Block& b) {
                                 b.transactions.pop_back();
                                 b.receipts.pop_back();
                             },
                             Check::kTransactions, "the transactions root: expected 0x"},
                    Mutation{"extra",
                             [](Block& b) {
                                 b.transactions.push_back(b.transactions.back());
                                 b.receipts.push_back(b.receipts.back());
                             },
                             Check::kTransactions, "the transactions root: expected 0x"}),
    mutation_name);

INSTANTIATE_TEST_SUITE_P(
    Receipt, VerifierMutation,
    testing::Values(
        Mutation{"status", [](Block& b) { b.receipts[2].status = true; }, Check::kReceipts,
                 "the receipts root: expected 0x"},
        Mutation{"root_for_status", [](Block& b) { b.receipts[2].root = filled(1); }, Check::kReceipts},
        Mutation{"cumulative_gas", [](Block& b) { flip(b.receipts[1].cumulative_gas_used); },
                 Check::kReceipts},
        Mutation{"deposit_nonce", [](Block& b) { flip(b.receipts[6].deposit_nonce); }, Check::kReceipts},
        Mutation{"deposit_version", [](Block& b) { b.receipts[6].deposit_receipt_version.reset(); },
                 Check::kReceipts},
        Mutation{"log_address", [](Block& b) { flip(b.logs[0].address); }, Check::kReceipts},
        Mutation{"log_topic", [](Block& b) { flip(b.logs[1].topics[0]); }, Check::kReceipts},
        Mutation{"log_fewer_topics", [](Block& b) { --b.logs[1].topic_count; }, Check::kReceipts},
        Mutation{"log_data", [](Block& b) { flip(b.logs[2].data); }, Check::kReceipts},
        Mutation{"log_missing", [](Block& b) { b.receipts[2].logs.count = 1; }, Check::kReceipts},
        Mutation{"order", [](Block& b) { std::swap(b.receipts[0], b.receipts[1]); }, Check::kReceipts},
        Mutation{"missing", [](Block& b) { b.receipts.pop_back(); }, Check::kReceipts,
                 "6 receipts for 7 transactions"},
        Mutation{"sent_bloom", [](Block& b) { flip(b.receipts[3].logs_bloom); }, Check::kBloom,
                 "logs bloom of receipt 3"},
        Mutation{"header_bloom",
                 [](Block& b) {
                     flip(b.header.logs_bloom);
                     naive::seal_header(b);
                 },
                 Check::kBloom, "header's logs bloom"}),
    mutation_name);

INSTANTIATE_TEST_SUITE_P(
    Withdrawals, VerifierMutation,
    testing::Values(
        Mutation{"index", [](Block& b) { flip(b.withdrawals[3].index); }, Check::kWithdrawals,
                 "the withdrawals root: expected 0x"},
        Mutation{"validator", [](Block& b) { flip(b.withdrawals[0].validator_index); }, Check::kWithdrawals},
        Mutation{"address", [](Block& b) { flip(b.withdrawals[15].address); }, Check::kWithdrawals},
        Mutation{"amount", [](Block& b) { flip(b.withdrawals[7].amount); }, Check::kWithdrawals},
        Mutation{"missing", [](Block& b) { b.withdrawals.pop_back(); }, Check::kWithdrawals},
        Mutation{"all_missing", [](Block& b) { b.withdrawals.clear(); }, Check::kWithdrawals},
        Mutation{"without_root",
                 [](Block& b) {
                     b.header.withdrawals_root.reset();
                     b.header.blob_gas_used.reset();
                     b.header.excess_blob_gas.reset();
                     b.header.parent_beacon_root.reset();
                     b.header.requests_hash.reset();
                     naive::seal_header(b);
                 },
                 Check::kWithdrawals, "without a withdrawals root"}),
    mutation_name);

// The values of one block are in the cache when the next one comes.
TEST(Verifier, KeepsBloomsOfRepeatedValuesApart) {
    Verifier verifier;
    Block block = make_block();
    for (int round = 0; round < 3; ++round) {
        for (Log& log : block.logs) log.address = filled<Address>(static_cast<std::uint8_t>(round));
        naive::seal(block);
        EXPECT_TRUE(verifier.verify(block, true, true).ok()) << round;
    }
}

TEST(Verifier, ProvesManyLogsWithCollidingCacheSlots) {
    Verifier verifier;
    Block block = make_block();
    block.logs.clear();
    for (std::size_t i = 0; i < block.receipts.size(); ++i)
        block.receipts[i].logs = {static_cast<std::uint32_t>(3'000 * i), 3'000};
    for (std::uint64_t i = 0; i < 3'000 * block.receipts.size(); ++i) {
        Log log;
        log.topic_count = 1;
        log.topics[0] = Uint256{i / 3}.to_big_endian();
        block.logs.push_back(log);
    }
    naive::seal(block);
    EXPECT_TRUE(verifier.verify(block, true, true).ok());
    EXPECT_TRUE(verifier.verify(block, true, true).ok());
}

TEST(Verifier, CannotProveRootsWithAnUnknownTypeButChecksTheOtherHashes) {
    Verifier verifier;
    Block block = make_sealed_block();
    block.transactions[3].type = 0x50;
    const auto verdicts = verifier.verify(block, true, true);
    EXPECT_EQ(of(verdicts, Check::kHeader), Verdict::kOk);
    EXPECT_EQ(of(verdicts, Check::kTransactions), Verdict::kUnverifiable);
    EXPECT_EQ(of(verdicts, Check::kReceipts), Verdict::kUnverifiable);
    EXPECT_EQ(of(verdicts, Check::kBloom), Verdict::kOk);
    flip(block.transactions[5].value);
    expect_failure(verifier.verify(block, true, true), Check::kTransactions, "transaction 5");
}

TEST(Verifier, TakesADepositWithoutSourceHashForAnotherChainsType) {
    Verifier verifier;
    Block block = make_sealed_block();
    block.transactions[6].source_hash.reset();
    const auto verdicts = verifier.verify(block, true, true);
    EXPECT_EQ(of(verdicts, Check::kTransactions), Verdict::kUnverifiable);
    EXPECT_EQ(of(verdicts, Check::kReceipts), Verdict::kUnverifiable);
}

TEST(Verifier, CannotProveReceiptsWithoutStatusAndRoot) {
    Verifier verifier;
    Block block = make_sealed_block();
    block.receipts[0].status.reset();
    const auto verdicts = verifier.verify(block, true, true);
    EXPECT_EQ(of(verdicts, Check::kReceipts), Verdict::kUnverifiable);
    EXPECT_EQ(of(verdicts, Check::kTransactions), Verdict::kOk);
}

TEST(Verifier, CannotProveTheHeaderOfANewerFork) {
    Verifier verifier;
    Block block = make_sealed_block();
    flip(block.header.hash);
    for (const std::string_view extra :
         {R"({"block":{"inclusionListRoot":"0x1"}})", R"({"block":{"a":1,"extDataHash":"0x1"}})",
          R"({"block":{"l1BlockNumber":"0x1"}})", R"({"block":{"sealFields":[]}})"}) {
        block.header.extra_json = extra;
        const auto verdicts = verifier.verify(block, true, true);
        EXPECT_EQ(of(verdicts, Check::kHeader), Verdict::kUnverifiable) << extra;
        EXPECT_EQ(of(verdicts, Check::kTransactions), Verdict::kOk) << extra;
    }
    for (const std::string_view extra :
         {"", R"({"block":{"milliTimestamp":"0x1","inner":{"someHash":"0x1"}}})",
          R"({"block":{"l1BlockNumber":"0x1","sendCount":"0x1","sendRoot":"0x1"}})"}) {
        block.header.extra_json = extra;
        expect_failure(verifier.verify(block, true, true), Check::kHeader);
    }
}

TEST(Verifier, CannotProveAHeaderWithoutRequiredFields) {
    Verifier verifier;
    Block block = make_sealed_block();
    block.header.unverifiable_header = true;
    // Enough was sent after all.
    EXPECT_EQ(of(verifier.verify(block, true, true), Check::kHeader), Verdict::kOk);
    block.header.logs_bloom = {};
    const auto verdicts = verifier.verify(block, true, true);
    EXPECT_EQ(of(verdicts, Check::kHeader), Verdict::kUnverifiable);
    EXPECT_EQ(of(verdicts, Check::kBloom), Verdict::kUnverifiable);
    EXPECT_EQ(of(verdicts, Check::kReceipts), Verdict::kOk);
}

TEST(Verifier, SkipsTheContractRootThatOpStackPutsInPlaceOfWithdrawals) {
    Verifier verifier;
    Block block = make_block();
    block.withdrawals.clear();
    std::swap(block.transactions.front(), block.transactions.back());
    std::swap(block.receipts.front(), block.receipts.back());
    naive::seal(block);
    EXPECT_EQ(of(verifier.verify(block, true, true), Check::kWithdrawals), Verdict::kOk);
    block.header.withdrawals_root = filled(1);
    naive::seal_header(block);
    EXPECT_EQ(of(verifier.verify(block, true, true), Check::kWithdrawals), Verdict::kNotRun);
    // Without the transactions it could be a list that the node dropped.
    EXPECT_EQ(of(verifier.verify(block, false, false), Check::kWithdrawals), Verdict::kUnverifiable);
    std::swap(block.transactions.front(), block.transactions.back());
    std::swap(block.receipts.front(), block.receipts.back());
    naive::seal(block);
    block.header.withdrawals_root = filled(1);
    naive::seal_header(block);
    expect_failure(verifier.verify(block, true, true), Check::kWithdrawals);
}

TEST(Verifier, CannotProveWithdrawalsThatWereNotSent) {
    Verifier verifier;
    Block block = make_sealed_block();
    block.header.has_withdrawals = false;
    block.withdrawals.clear();
    EXPECT_EQ(of(verifier.verify(block, true, true), Check::kWithdrawals), Verdict::kUnverifiable);
}

// The fields of Arbitrum's types that have no columns come from the extra JSON.
TEST(Verifier, ProvesArbitrumTransactions) {
    constexpr std::string_view kExtra =
        R"({"receipt":{"gasUsedForL1":"0x0"},"tx":{)"
        R"("beneficiary":"0x1111111111111111111111111111111111111111",)"
        R"("chainId":"0xa4b1","depositValue":"0x7b","gasPrice":"0x5","l1BaseFee":"0x9","maxFeePerGas":"0x6",)"
        R"("maxRefund":"0xb","maxSubmissionFee":"0xc",)"
        R"("refundTo":"0x2222222222222222222222222222222222222222",)"
        R"("requestId":"0x00000000000000000000000000000000000000000000000000000000000000aa",)"
        R"("retryData":"0x010203","retryTo":"0x3333333333333333333333333333333333333333","retryValue":"0x0",)"
        R"("submissionFeeRefund":"0xd",)"
        R"("ticketId":"0xbb00000000000000000000000000000000000000000000000000000000000000"}})";
    const auto repeated = [](std::uint8_t byte) {
        Address out;
        out.bytes.fill(byte);
        return naive::string(out);
    };
    const Bytes input = *parse_hex("cafebabe");
    Transaction tx;
    tx.from = filled<Address>(1);
    tx.to = filled<Address>(2);
    tx.nonce = 3;
    tx.gas = 100'000;
    tx.value = 77;
    tx.input = input;
    tx.extra_json = kExtra;

    Hash32 ticket;
    ticket.bytes[0] = 0xbb;
    const Bytes chain = naive::integer(0xa4b1);
    const Bytes request = naive::string(Uint256{0xaa}.to_big_endian());
    const Bytes from = naive::string(tx.from);
    const Bytes to = naive::string(*tx.to);
    const Bytes fee = naive::integer(6);
    const Bytes gas = naive::integer(tx.gas);
    const Bytes nonce = naive::integer(tx.nonce);
    const Bytes value = naive::integer(tx.value);
    const Bytes data = naive::string(input);
    const std::vector<std::pair<std::uint8_t, std::vector<Bytes>>> lists = {
        {0x64, {chain, request, from, to, value}},
        {0x65, {chain, from, nonce, fee, gas, to, value, data}},
        {0x66, {chain, request, from, fee, gas, to, value, data}},
        {0x68,
         {chain, nonce, from, fee, gas, to, value, data, naive::string(ticket), repeated(0x22),
          naive::integer(11), naive::integer(13)}},
        {0x69,
         {chain, request, from, naive::integer(9), naive::integer(123), fee, gas, repeated(0x33),
          naive::integer(0), repeated(0x11), naive::integer(12), repeated(0x22),
          naive::string(*parse_hex("010203"))}},
        {0x6a, {chain, data}},
    };
    Block block = make_block();
    block.transactions.clear();
    block.receipts.clear();
    block.logs.clear();
    naive::seal(block);
    std::vector<Bytes> values;
    for (const auto& [type, items] : lists) {
        values.push_back(naive::concat({type}, naive::list(items)));
        tx.type = type;
        tx.hash = keccak256(values.back());
        block.transactions.push_back(tx);
    }
    block.header.transactions_root = naive::ordered_root(values);
    naive::seal_header(block);
    Verifier verifier;
    EXPECT_EQ(of(verifier.verify(block, true, false), Check::kTransactions), Verdict::kOk);

    // Without its fields a type has no encoding, and neither has one that retired with the classic chain.
    block.transactions[3].extra_json = R"({"tx":{"chainId":"0xa4b1"}})";
    EXPECT_EQ(of(verifier.verify(block, true, false), Check::kTransactions), Verdict::kUnverifiable);
    block.transactions[3].type = 0x78;
    EXPECT_EQ(of(verifier.verify(block, true, false), Check::kTransactions), Verdict::kUnverifiable);
    flip(block.transactions[4].from);
    expect_failure(verifier.verify(block, true, false), Check::kTransactions, "transaction 4");
}

// Arbitrum's receipts have the common form, whether or not the transaction can be encoded.
TEST(Verifier, ProvesReceiptsOfArbitrumTypes) {
    Verifier verifier;
    Block block = make_sealed_block();
    std::vector<Bytes> receipts;
    for (std::size_t i = 0; i < block.transactions.size(); ++i) {
        block.transactions[i].type = static_cast<std::uint32_t>(0x64 + i);
        receipts.push_back(naive::receipt(block, block.transactions[i], block.receipts[i]));
    }
    block.header.receipts_root = naive::ordered_root(receipts);
    naive::seal_header(block);
    const auto verdicts = verifier.verify(block, true, true);
    EXPECT_EQ(of(verdicts, Check::kReceipts), Verdict::kOk);
    EXPECT_EQ(of(verdicts, Check::kTransactions), Verdict::kUnverifiable);
}

TEST(Verifier, ProvesAPolygonBlockWithAndWithoutItsPseudoTransaction) {
    Verifier verifier({.polygon_state_sync = true});
    Block block = make_sealed_block();
    Transaction pseudo;
    pseudo.to = Address{};
    pseudo.gas_price = 0;
    pseudo.hash = filled(99);
    Receipt receipt;
    receipt.status = true;
    receipt.logs = {0, 1};
    block.transactions.push_back(pseudo);
    block.receipts.push_back(receipt);
    EXPECT_EQ(*verifier.verify(block, true, true), kAllOk);
    Verifier strict;
    expect_failure(strict.verify(block, true, true), Check::kTransactions, "transaction 7");

    naive::seal(block);
    EXPECT_EQ(*verifier.verify(block, true, true), kAllOk);

    // Neither way.
    flip(block.receipts[1].cumulative_gas_used);
    const auto verdicts = verifier.verify(block, true, true);
    EXPECT_EQ(of(verdicts, Check::kReceipts), Verdict::kUnverifiable);
    EXPECT_EQ(of(verdicts, Check::kTransactions), Verdict::kUnverifiable);
    EXPECT_EQ(of(verdicts, Check::kBloom), Verdict::kUnverifiable);
    flip(block.transactions[1].nonce);
    expect_failure(verifier.verify(block, true, true), Check::kTransactions, "transaction 1");
}

}  // namespace
}  // namespace amp::evm
