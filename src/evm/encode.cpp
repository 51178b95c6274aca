// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "evm/encode.hpp"

#include "evm/arbitrum.hpp"
#include "evm/ordered_root.hpp"
#include "evm/rlp.hpp"

#include <array>

namespace amp::evm {
namespace {

// In front of every body: the gap of the trie, the type byte and the list header.
constexpr std::size_t kFront = OrderedTrie::kGap + 1 + rlp::kHeaderMax;
constexpr std::size_t kHashSize = 1 + Hash32::size();
constexpr std::size_t kAddressSize = 1 + Address::size();
constexpr std::size_t kBloomSize = 3 + Bloom::size();
// 15 integers of full width: more than any transaction, header or receipt has besides its bytes and lists.
constexpr std::size_t kIntegersBound = 15 * rlp::kIntegerMax;
constexpr std::size_t kAuthorizationBound = rlp::kHeaderMax + 5 * rlp::kIntegerMax + kAddressSize;

// Puts the type in front of the list, for every type but 0.
std::span<std::uint8_t> finish(std::uint32_t type, std::uint8_t* body, std::uint8_t* end) {
    const std::span<std::uint8_t> list = rlp::wrap_list(body, end);
    if (type == 0) return list;
    std::uint8_t* const start = list.data() - 1;
    *start = static_cast<std::uint8_t>(type);
    return {start, end};
}

void put_optional_address(rlp::Writer& out, const std::optional<Address>& address) {
    if (address) {
        out.fixed(*address);
    } else {
        out.integer(std::uint64_t{0});
    }
}

std::size_t access_entry_body(const AccessEntry& entry) {
    return kAddressSize + rlp::list_size(kHashSize * entry.storage_keys.count);
}

void put_access_list(rlp::Writer& out, const Block& block, const Transaction& transaction) {
    const auto entries = elements(block.access_entries, transaction.access_list);
    std::size_t body = 0;
    for (const AccessEntry& entry : entries) body += rlp::list_size(access_entry_body(entry));
    out.list_header(body);
    for (const AccessEntry& entry : entries) {
        out.list_header(access_entry_body(entry));
        out.fixed(entry.address);
        out.list_header(kHashSize * entry.storage_keys.count);
        for (const Hash32& key : elements(block.storage_keys, entry.storage_keys)) out.fixed(key);
    }
}

std::size_t authorization_body(const Authorization& each) {
    return rlp::integer_size(each.chain_id) + kAddressSize + rlp::integer_size(each.nonce) +
           rlp::integer_size(std::uint64_t{each.y_parity}) + rlp::integer_size(each.r) +
           rlp::integer_size(each.s);
}

void put_authorizations(rlp::Writer& out, const Block& block, const Transaction& transaction) {
    const auto all = elements(block.authorizations, transaction.authorizations);
    std::size_t body = 0;
    for (const Authorization& each : all) body += rlp::list_size(authorization_body(each));
    out.list_header(body);
    for (const Authorization& each : all) {
        out.list_header(authorization_body(each));
        out.integer(each.chain_id);
        out.fixed(each.address);
        out.integer(each.nonce);
        out.integer(std::uint64_t{each.y_parity});
        out.integer(each.r);
        out.integer(each.s);
    }
}

void put_signature(rlp::Writer& out, const Uint256& parity, const Transaction& transaction) {
    out.integer(parity);
    out.integer(transaction.r);
    out.integer(transaction.s);
}

// What types 0 to 4 have in common.
void put_call(rlp::Writer& out, const Transaction& transaction) {
    out.integer(transaction.gas);
    put_optional_address(out, transaction.to);
    out.integer(transaction.value);
    out.string(transaction.input);
}

// The list of types 0 (no chain id, no access list) and 1.
void put_priced(rlp::Writer& out, const Block& block, const Transaction& transaction) {
    const bool legacy = transaction.type == 0;
    if (!legacy) out.integer(transaction.chain_id.value_or(Uint256{}));
    out.integer(transaction.nonce);
    out.integer(transaction.gas_price.value_or(Uint256{}));
    put_call(out, transaction);
    if (legacy) return put_signature(out, transaction.v, transaction);
    put_access_list(out, block, transaction);
    put_signature(out, transaction.y_parity ? Uint256{*transaction.y_parity} : transaction.v, transaction);
}

// The list of types 2, 3 and 4.
void put_fee_market(rlp::Writer& out, const Block& block, const Transaction& transaction) {
    out.integer(transaction.chain_id.value_or(Uint256{}));
    out.integer(transaction.nonce);
    out.integer(transaction.max_priority_fee_per_gas.value_or(Uint256{}));
    out.integer(transaction.max_fee_per_gas.value_or(Uint256{}));
    put_call(out, transaction);
    put_access_list(out, block, transaction);
    if (transaction.type == 3) {
        out.integer(transaction.max_fee_per_blob_gas.value_or(Uint256{}));
        out.list_header(kHashSize * transaction.blob_hashes.count);
        for (const Hash32& hash : elements(block.blob_hashes, transaction.blob_hashes)) out.fixed(hash);
    }
    if (transaction.type == 4) put_authorizations(out, block, transaction);
    put_signature(out, transaction.y_parity ? Uint256{*transaction.y_parity} : transaction.v, transaction);
}

void put_deposit(rlp::Writer& out, const Transaction& transaction) {
    out.fixed(*transaction.source_hash);
    out.fixed(transaction.from);
    put_optional_address(out, transaction.to);
    out.integer(transaction.mint.value_or(Uint256{}));
    out.integer(transaction.value);
    out.integer(transaction.gas);
    out.integer(std::uint64_t{transaction.is_system});
    out.string(transaction.input);
}

std::size_t log_body(const Log& log) {
    return kAddressSize + rlp::list_size(kHashSize * log.topic_count) + rlp::string_size(log.data);
}

void put_logs(rlp::Writer& out, std::span<const Log> logs) {
    std::size_t body = 0;
    for (const Log& log : logs) body += rlp::list_size(log_body(log));
    out.list_header(body);
    for (const Log& log : logs) {
        out.list_header(log_body(log));
        out.fixed(log.address);
        out.list_header(kHashSize * log.topic_count);
        for (std::size_t i = 0; i < log.topic_count; ++i) out.fixed(log.topics[i]);
        out.string(log.data);
    }
}

}  // namespace

std::size_t header_bound(const Header& header) {
    return kFront + kIntegersBound + 9 * kHashSize + kAddressSize + kBloomSize + rlp::kHeaderMax +
           header.extra_data.size();
}

bool has_hole_in_tail(const Header& header) {
    const std::array present = {
        header.base_fee_per_gas.has_value(),       header.withdrawals_root.has_value(),
        header.blob_gas_used.has_value(),          header.excess_blob_gas.has_value(),
        header.parent_beacon_root.has_value(),     header.requests_hash.has_value(),
        header.block_access_list_hash.has_value(), header.slot_number.has_value()};
    for (std::size_t i = 1; i < present.size(); ++i)
        if (present[i] && !present[i - 1]) return true;
    return false;
}

std::span<std::uint8_t> put_header(const Header& header, std::uint8_t* out) {
    rlp::Writer writer(out + kFront);
    writer.fixed(header.parent_hash);
    writer.fixed(header.ommers_hash);
    writer.fixed(header.miner);
    writer.fixed(header.state_root);
    writer.fixed(header.transactions_root);
    writer.fixed(header.receipts_root);
    writer.fixed(header.logs_bloom);
    writer.integer(header.difficulty);
    writer.integer(header.number);
    writer.integer(header.gas_limit);
    writer.integer(header.gas_used);
    writer.integer(header.timestamp);
    writer.string(header.extra_data);
    writer.fixed(header.mix_hash);
    writer.fixed(FixedBytes<8>{std::bit_cast<std::array<std::uint8_t, 8>>(__builtin_bswap64(header.nonce))});
    // False at the first absent field, which ends the list.
    const auto integer = [&](const auto& field) {
        if (field) writer.integer(*field);
        return field.has_value();
    };
    const auto hash = [&](const std::optional<Hash32>& field) {
        if (field) writer.fixed(*field);
        return field.has_value();
    };
    static_cast<void>(integer(header.base_fee_per_gas) && hash(header.withdrawals_root) &&
                      integer(header.blob_gas_used) && integer(header.excess_blob_gas) &&
                      hash(header.parent_beacon_root) && hash(header.requests_hash) &&
                      hash(header.block_access_list_hash) && integer(header.slot_number));
    return finish(0, out + kFront, writer.at());
}

bool is_encodable(const Transaction& transaction) {
    if (transaction.type <= 4) return true;
    if (transaction.type == kDepositType) return transaction.source_hash.has_value();
    return is_arbitrum_encodable(transaction);
}

std::size_t transaction_bound(const Block& block, const Transaction& transaction) {
    std::size_t bound = kFront + kIntegersBound + kHashSize + 2 * kAddressSize + rlp::kHeaderMax;
    bound += transaction.input.size();
    if (transaction.type > 4 && transaction.type != kDepositType) return bound + arbitrum_bound(transaction);
    bound += 3 * rlp::kHeaderMax;
    for (const AccessEntry& entry : elements(block.access_entries, transaction.access_list))
        bound += 2 * rlp::kHeaderMax + kAddressSize + kHashSize * entry.storage_keys.count;
    bound += kHashSize * transaction.blob_hashes.count;
    return bound + kAuthorizationBound * transaction.authorizations.count;
}

std::span<std::uint8_t> put_transaction(const Block& block, const Transaction& transaction,
                                        std::uint8_t* out) {
    rlp::Writer writer(out + kFront);
    if (transaction.type <= 1) {
        put_priced(writer, block, transaction);
    } else if (transaction.type <= 4) {
        put_fee_market(writer, block, transaction);
    } else if (transaction.type == kDepositType) {
        put_deposit(writer, transaction);
    } else {
        put_arbitrum(writer, transaction);
    }
    return finish(transaction.type, out + kFront, writer.at());
}

bool is_receipt_encodable(const Transaction& transaction, const Receipt& receipt) {
    const bool known_type = transaction.type <= 4 || (transaction.type >= 0x64 && transaction.type <= 0x6a) ||
                            (transaction.type == kDepositType && transaction.source_hash);
    return known_type && (receipt.root || receipt.status);
}

std::size_t receipt_bound(const Block& block, const Receipt& receipt) {
    std::size_t bound = kFront + kIntegersBound + kHashSize + kBloomSize + rlp::kHeaderMax;
    for (const Log& log : elements(block.logs, receipt.logs))
        bound += 3 * rlp::kHeaderMax + kAddressSize + kHashSize * log.topic_count + log.data.size();
    return bound;
}

std::span<std::uint8_t> put_receipt(const Block& block, const Transaction& transaction,
                                    const Receipt& receipt, const Bloom& bloom, std::uint8_t* out) {
    rlp::Writer writer(out + kFront);
    if (receipt.root) {
        writer.fixed(*receipt.root);
    } else {
        writer.integer(std::uint64_t{receipt.status.value_or(false)});
    }
    writer.integer(receipt.cumulative_gas_used);
    writer.fixed(bloom);
    put_logs(writer, elements(block.logs, receipt.logs));
    // Before the Canyon upgrade the nonce stood in the receipt, but not in what is hashed.
    if (transaction.type == kDepositType && receipt.deposit_receipt_version) {
        writer.integer(receipt.deposit_nonce.value_or(0));
        writer.integer(*receipt.deposit_receipt_version);
    }
    return finish(transaction.type, out + kFront, writer.at());
}

std::size_t withdrawal_bound() { return kFront + 3 * rlp::kIntegerMax + kAddressSize; }

std::span<std::uint8_t> put_withdrawal(const Withdrawal& withdrawal, std::uint8_t* out) {
    rlp::Writer writer(out + kFront);
    writer.integer(withdrawal.index);
    writer.integer(withdrawal.validator_index);
    writer.fixed(withdrawal.address);
    writer.integer(withdrawal.amount);
    return finish(0, out + kFront, writer.at());
}

}  // namespace amp::evm
