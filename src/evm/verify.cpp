// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "evm/verify.hpp"

#include "evm/bloom.hpp"
#include "evm/encode.hpp"
#include "evm/json_members.hpp"
#include "evm/keccak.hpp"
#include "evm/ordered_root.hpp"
#include "evm/rlp.hpp"

#include <algorithm>

namespace amp::evm {
namespace {

constexpr std::size_t kNoMessage = SIZE_MAX;

// The ommers hash of a block without ommers: that of the empty list.
const Hash32& empty_ommers_hash() {
    static const Hash32 hash = [] {
        constexpr std::array<std::uint8_t, 1> kEmptyList = {0xc0};
        return keccak256(kEmptyList);
    }();
    return hash;
}

Error failure(const Block& block, Check check, std::string_view detail) {
    return make_error(
               Code::kCorruption,
               "block {} fails the {} check: {}; the data does not belong to the block's hash, fetch it "
               "again and, if that repeats, from another provider",
               block.header.number, to_string(check), detail)
        .with_reason(to_string(check));
}

Error mismatch(const Block& block, Check check, std::string_view what, ByteView expected, ByteView computed) {
    return failure(block, check,
                   fmt::format("{}: expected {}, computed {}", what, to_hex0x(expected), to_hex0x(computed)));
}

// Blooms are too long for a message: their hashes tell them apart as well.
Error bloom_mismatch(const Block& block, std::string_view what, const Bloom& expected,
                     const Bloom& computed) {
    return mismatch(block, Check::kBloom, fmt::format("keccak of the {}", what),
                    keccak256(expected.view()).view(), keccak256(computed.view()).view());
}

// True if the node sent header fields that this version does not know to be outside the hash: the fork is
// newer, or the chain has another header.
bool has_foreign_header_fields(const Header& header) {
    const std::string_view fields = find_json_member(header.extra_json, "block").value_or(header.extra_json);
    // Nitro keeps Ethereum's header beside these; blocks from before it have the L1 number without the root.
    const bool nitro = find_json_member(fields, "sendRoot").has_value();
    JsonMembers members(fields);
    while (const auto member = members.next()) {
        const std::string_view key = member->key;
        if (nitro && (key == "sendRoot" || key == "l1BlockNumber")) continue;
        if (key.ends_with("Hash") || key.ends_with("Root") || key.ends_with("Number")) return true;
        // The seal of Aura, in place of mix hash and nonce.
        if (key == "sealFields" || key == "step" || key == "signature") return true;
    }
    return false;
}

// The chain id that an EIP-155 signature names; nothing below 35.
std::optional<Uint256> chain_id_of_v(const Uint256& v) {
    if (v < Uint256{35}) return std::nullopt;
    Uint256 id = subtract(v, Uint256{35});
    for (std::size_t i = 0; i < 4; ++i)
        id.limbs[i] = id.limbs[i] >> 1 | (i + 1 < 4 ? id.limbs[i + 1] << 63 : 0);
    return id;
}

bool is_state_sync(const Transaction& transaction) {
    return transaction.type == 0 && transaction.from.is_zero() &&
           transaction.to.value_or(Address{}).is_zero() &&
           transaction.gas_price.value_or(Uint256{}).is_zero() && transaction.r.is_zero() &&
           transaction.s.is_zero();
}

}  // namespace

std::string_view to_string(Check check) {
    switch (check) {
        case Check::kHeader:
            return "header";
        case Check::kTransactions:
            return "transactions";
        case Check::kReceipts:
            return "receipts";
        case Check::kBloom:
            return "bloom";
        case Check::kWithdrawals:
            return "withdrawals";
    }
    return "unknown";
}

// Works in two batches of messages: what depends on nothing (header, transactions, withdrawals, values of the
// blooms), then the receipts, which contain the blooms. The inner nodes of all tries follow together.
struct Verifier::State {
    explicit State(VerifyOptions chosen) : options(chosen) {}

    Result<Verdicts> verify(const Block& block, bool with_transactions, bool with_receipts);

    // Fills what follows for the first `count` transactions of the block.
    void compute(const Block& block, std::size_t count, bool with_transactions, bool with_receipts);
    void reserve(const Block& block);
    void put_first_batch(const Block& block, bool with_transactions);
    void put_receipts(const Block& block);
    bool roots_match(const Block& block) const;

    Result<Verdict> judge_header(const Block& block) const;
    Result<Verdict> judge_transactions(const Block& block) const;
    Result<Verdict> judge_receipts(const Block& block) const;
    Result<Verdict> judge_bloom(const Block& block) const;
    Result<Verdict> judge_withdrawals(const Block& block, Verdict header, bool with_transactions) const;

    const VerifyOptions options;

    // Room for all encodings of one block. Not a vector: it needs no zeroes.
    std::unique_ptr<std::uint8_t[]> room;
    std::size_t room_size = 0;
    std::uint8_t* at = nullptr;

    BloomCache bloom_cache;
    HashBatch first_batch;
    HashBatch second_batch;
    HashBatch node_batch;
    OrderedTrie transactions_trie;
    OrderedTrie receipts_trie;
    OrderedTrie withdrawals_trie;
    std::vector<std::span<std::uint8_t>> transaction_values;
    std::vector<std::span<std::uint8_t>> receipt_values;
    std::vector<std::span<std::uint8_t>> withdrawal_values;

    // Results of compute().
    std::size_t counted = 0;
    std::size_t header_message = kNoMessage;
    std::vector<std::size_t> transaction_messages;  // kNoMessage = no encoding
    bool has_transactions_root = false;
    bool has_receipts_root = false;
    std::vector<Bloom> receipt_blooms;
    Bloom block_bloom;
};

void Verifier::State::reserve(const Block& block) {
    std::size_t bound = header_bound(block.header);
    for (const Transaction& each : block.transactions) bound += transaction_bound(block, each);
    for (const Receipt& each : block.receipts) bound += receipt_bound(block, each);
    bound += withdrawal_bound() * block.withdrawals.size();
    if (bound > room_size) {
        room_size = std::max(bound, 2 * room_size);
        room = std::make_unique_for_overwrite<std::uint8_t[]>(room_size);
    }
    at = room.get();
}

void Verifier::State::put_first_batch(const Block& block, bool with_transactions) {
    const auto put = [&](std::span<std::uint8_t> encoding) {
        at = encoding.data() + encoding.size();
        return encoding;
    };
    header_message = first_batch.add(put(put_header(block.header, at)));

    transaction_values.clear();
    transaction_messages.clear();
    has_transactions_root = with_transactions;
    if (with_transactions) {
        for (const Transaction& each : std::span(block.transactions).first(counted)) {
            if (!is_encodable(each)) {
                has_transactions_root = false;
                transaction_messages.push_back(kNoMessage);
                continue;
            }
            transaction_values.push_back(put(put_transaction(block, each, at)));
            transaction_messages.push_back(first_batch.add(transaction_values.back()));
        }
    }
    if (!has_transactions_root) transaction_values.clear();
    transactions_trie.prepare(transaction_values, first_batch);

    withdrawal_values.clear();
    for (const Withdrawal& each : block.withdrawals)
        withdrawal_values.push_back(put(put_withdrawal(each, at)));
    withdrawals_trie.prepare(withdrawal_values, first_batch);
}

// Requires: the bloom cache is resolved.
void Verifier::State::put_receipts(const Block& block) {
    receipt_values.clear();
    receipt_blooms.assign(counted, Bloom{});
    block_bloom = Bloom{};
    has_receipts_root = true;
    std::size_t item = 0;
    for (std::size_t i = 0; i < counted; ++i) {
        const Receipt& receipt = block.receipts[i];
        Bloom& bloom = receipt_blooms[i];
        for (const Log& log : elements(block.logs, receipt.logs))
            for (std::size_t value = 0; value <= log.topic_count; ++value)
                add_to_bloom(bloom, bloom_cache.bits(item++));
        if (receipt.logs.count != 0)
            for (std::size_t b = 0; b < Bloom::size(); ++b) block_bloom.bytes[b] |= bloom.bytes[b];
        has_receipts_root = has_receipts_root && is_receipt_encodable(block.transactions[i], receipt);
        if (!has_receipts_root) continue;
        receipt_values.push_back(put_receipt(block, block.transactions[i], receipt, bloom, at));
        at = receipt_values.back().data() + receipt_values.back().size();
    }
    if (!has_receipts_root) receipt_values.clear();
}

void Verifier::State::compute(const Block& block, std::size_t count, bool with_transactions,
                              bool with_receipts) {
    counted = count;
    reserve(block);
    first_batch.clear();
    put_first_batch(block, with_transactions);
    bloom_cache.begin();
    if (with_receipts) {
        for (const Receipt& receipt : std::span(block.receipts).first(counted)) {
            for (const Log& log : elements(block.logs, receipt.logs)) {
                bloom_cache.add(log.address.view(), first_batch);
                for (std::size_t t = 0; t < log.topic_count; ++t)
                    bloom_cache.add(log.topics[t].view(), first_batch);
            }
        }
    }
    first_batch.run();
    transactions_trie.take_leaves(first_batch);
    withdrawals_trie.take_leaves(first_batch);
    bloom_cache.resolve(first_batch);

    second_batch.clear();
    receipt_values.clear();
    has_receipts_root = false;
    if (with_receipts) put_receipts(block);
    receipts_trie.prepare(receipt_values, second_batch);
    second_batch.run();
    receipts_trie.take_leaves(second_batch);

    OrderedTrie* const tries[] = {&transactions_trie, &receipts_trie, &withdrawals_trie};
    OrderedTrie::finish(tries, node_batch);
}

bool Verifier::State::roots_match(const Block& block) const {
    return (!has_transactions_root || transactions_trie.root() == block.header.transactions_root) &&
           (!has_receipts_root || receipts_trie.root() == block.header.receipts_root);
}

Result<Verdict> Verifier::State::judge_header(const Block& block) const {
    const Header& header = block.header;
    const Hash32& computed = first_batch.digest(header_message);
    const bool hole = has_hole_in_tail(header);
    if (hole || computed != header.hash) {
        if (header.unverifiable_header || has_foreign_header_fields(header)) return Verdict::kUnverifiable;
        if (hole)
            return failure(block, Check::kHeader,
                           "an optional header field has a value although one before it has none");
        return mismatch(block, Check::kHeader, "the header's hash", header.hash.view(), computed.view());
    }
    // Only for a proven header: the node may have left the ommers hash out otherwise.
    if (header.has_uncles && block.uncle_hashes.empty() != (header.ommers_hash == empty_ommers_hash()))
        return failure(block, Check::kHeader,
                       fmt::format("{} uncles stand beside the ommers hash {}", block.uncle_hashes.size(),
                                   to_hex0x(header.ommers_hash.view())));
    return Verdict::kOk;
}

Result<Verdict> Verifier::State::judge_transactions(const Block& block) const {
    for (std::size_t i = 0; i < transaction_messages.size(); ++i) {
        if (transaction_messages[i] == kNoMessage) continue;
        const Transaction& transaction = block.transactions[i];
        const Hash32& computed = first_batch.digest(transaction_messages[i]);
        if (computed != transaction.hash)
            return mismatch(block, Check::kTransactions, fmt::format("the hash of transaction {}", i),
                            transaction.hash.view(), computed.view());
        // The encoding of type 0 has no chain id of its own, but the signature names it.
        if (transaction.type != 0 || !transaction.chain_id) continue;
        const auto signed_for = chain_id_of_v(transaction.v);
        if (signed_for && *signed_for != *transaction.chain_id)
            return failure(
                block, Check::kTransactions,
                fmt::format("the chain id of transaction {}: expected {}, computed {} from its signature", i,
                            transaction.chain_id->to_decimal(), signed_for->to_decimal()));
    }
    if (!has_transactions_root) return Verdict::kUnverifiable;
    if (transactions_trie.root() != block.header.transactions_root)
        return mismatch(block, Check::kTransactions, "the transactions root",
                        block.header.transactions_root.view(), transactions_trie.root().view());
    return Verdict::kOk;
}

Result<Verdict> Verifier::State::judge_receipts(const Block& block) const {
    if (!has_receipts_root) return Verdict::kUnverifiable;
    if (receipts_trie.root() != block.header.receipts_root)
        return mismatch(block, Check::kReceipts, "the receipts root", block.header.receipts_root.view(),
                        receipts_trie.root().view());
    return Verdict::kOk;
}

Result<Verdict> Verifier::State::judge_bloom(const Block& block) const {
    for (std::size_t i = 0; i < counted; ++i) {
        const auto& sent = block.receipts[i].logs_bloom;
        if (sent && *sent != receipt_blooms[i])
            return bloom_mismatch(block, fmt::format("logs bloom of receipt {}", i), *sent,
                                  receipt_blooms[i]);
    }
    if (block_bloom != block.header.logs_bloom) {
        // The node may have left it out.
        if (block.header.unverifiable_header && block.header.logs_bloom.is_zero())
            return Verdict::kUnverifiable;
        return bloom_mismatch(block, "header's logs bloom", block.header.logs_bloom, block_bloom);
    }
    return Verdict::kOk;
}

Result<Verdict> Verifier::State::judge_withdrawals(const Block& block, Verdict header,
                                                   bool with_transactions) const {
    const auto& expected = block.header.withdrawals_root;
    if (!expected) {
        if (block.withdrawals.empty()) return Verdict::kNotRun;
        if (header != Verdict::kOk) return Verdict::kUnverifiable;
        return failure(block, Check::kWithdrawals,
                       fmt::format("{} withdrawals stand beside a header without a withdrawals root",
                                   block.withdrawals.size()));
    }
    if (!block.header.has_withdrawals) return Verdict::kUnverifiable;
    if (withdrawals_trie.root() == *expected) return Verdict::kOk;
    // OP-stack, Isthmus and later: the root is a contract's storage root beside an empty list. Every such
    // block but the first of the chain begins with a deposit; without the transactions nobody can tell.
    if (block.withdrawals.empty()) {
        if (!with_transactions || block.header.number == 0) return Verdict::kUnverifiable;
        if (!block.transactions.empty() && block.transactions.front().type == kDepositType)
            return Verdict::kNotRun;
    }
    return mismatch(block, Check::kWithdrawals, "the withdrawals root", expected->view(),
                    withdrawals_trie.root().view());
}

Result<Verdicts> Verifier::State::verify(const Block& block, bool with_transactions, bool with_receipts) {
    const std::size_t count = block.transactions.size();
    if (with_receipts && block.receipts.size() != count)
        return failure(block, Check::kReceipts,
                       fmt::format("{} receipts for {} transactions", block.receipts.size(), count));

    bool roots_known = true;
    if (options.polygon_state_sync && count != 0 && is_state_sync(block.transactions.back())) {
        compute(block, count - 1, with_transactions, with_receipts);
        if (!roots_match(block)) {
            compute(block, count, with_transactions, with_receipts);
            roots_known = roots_match(block);
        }
        // The hash of the pseudo transaction follows another rule.
        if (counted == count && with_transactions) transaction_messages.back() = kNoMessage;
    } else {
        compute(block, count, with_transactions, with_receipts);
    }
    if (!roots_known) has_transactions_root = has_receipts_root = false;

    Verdicts verdicts{};
    const auto verdict = [&](Check check) -> Verdict& { return verdicts[static_cast<std::size_t>(check)]; };
    TRY_ASSIGN(verdict(Check::kHeader), judge_header(block));
    if (with_transactions) {
        TRY_ASSIGN(verdict(Check::kTransactions), judge_transactions(block));
    }
    if (with_receipts) {
        TRY_ASSIGN(verdict(Check::kReceipts), judge_receipts(block));
        if (roots_known) {
            TRY_ASSIGN(verdict(Check::kBloom), judge_bloom(block));
        } else {
            verdict(Check::kBloom) = Verdict::kUnverifiable;
        }
    }
    TRY_ASSIGN(verdict(Check::kWithdrawals),
               judge_withdrawals(block, verdict(Check::kHeader), with_transactions));
    return verdicts;
}

Verifier::Verifier(VerifyOptions options) : state_(std::make_unique<State>(options)) {}
Verifier::~Verifier() = default;

Result<Verdicts> Verifier::verify(const Block& block, bool with_transactions, bool with_receipts) {
    return state_->verify(block, with_transactions, with_receipts);
}

}  // namespace amp::evm
