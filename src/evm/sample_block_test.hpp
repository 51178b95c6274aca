// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "evm/naive_test.hpp"
#include "evm/types.hpp"

#include <string_view>

/// Blocks made by hand for the tests of the verifier, sealed with the textbook encodings of naive_test.hpp.
namespace amp::evm::naive {

template <typename T = Hash32>
T filled(std::uint8_t first) {
    T out;
    for (std::size_t i = 0; i < T::size(); ++i) out.bytes[i] = static_cast<std::uint8_t>(first + i);
    return out;
}

inline Uint256 wide(std::uint8_t first) { return Uint256::from_big_endian(filled(first).view()); }

inline Bytes to(const std::optional<Address>& address) {
    return address ? string(*address) : string(ByteView{});
}

inline Bytes access_list(const Block& block, const Transaction& tx) {
    std::vector<Bytes> entries;
    for (std::uint32_t i = 0; i < tx.access_list.count; ++i) {
        const AccessEntry& entry = block.access_entries[tx.access_list.first + i];
        std::vector<Bytes> keys;
        for (std::uint32_t k = 0; k < entry.storage_keys.count; ++k)
            keys.push_back(string(block.storage_keys[entry.storage_keys.first + k]));
        entries.push_back(list({string(entry.address), list(keys)}));
    }
    return list(entries);
}

inline Bytes transaction(const Block& block, const Transaction& tx) {
    const auto typed = [&](const std::vector<Bytes>& items) {
        return concat({static_cast<std::uint8_t>(tx.type)}, list(items));
    };
    const Bytes r = integer(tx.r);
    const Bytes s = integer(tx.s);
    const Bytes parity = integer(tx.y_parity ? Uint256{*tx.y_parity} : tx.v);
    const Bytes gas = integer(tx.gas);
    const Bytes nonce = integer(tx.nonce);
    if (tx.type == 0)
        return list({nonce, integer(*tx.gas_price), gas, to(tx.to), integer(tx.value), string(tx.input),
                     integer(tx.v), r, s});
    if (tx.type == 0x7e)
        return typed({string(*tx.source_hash), string(tx.from), to(tx.to),
                      integer(tx.mint.value_or(Uint256{})), integer(tx.value), gas,
                      integer(tx.is_system ? 1 : 0), string(tx.input)});
    const Bytes chain = integer(*tx.chain_id);
    if (tx.type == 1)
        return typed({chain, nonce, integer(*tx.gas_price), gas, to(tx.to), integer(tx.value),
                      string(tx.input), access_list(block, tx), parity, r, s});
    std::vector<Bytes> items = {chain,
                                nonce,
                                integer(*tx.max_priority_fee_per_gas),
                                integer(*tx.max_fee_per_gas),
                                gas,
                                to(tx.to),
                                integer(tx.value),
                                string(tx.input),
                                access_list(block, tx)};
    std::vector<Bytes> extra;
    if (tx.type == 3) {
        items.push_back(integer(*tx.max_fee_per_blob_gas));
        for (std::uint32_t i = 0; i < tx.blob_hashes.count; ++i)
            extra.push_back(string(block.blob_hashes[tx.blob_hashes.first + i]));
        items.push_back(list(extra));
    }
    if (tx.type == 4) {
        for (std::uint32_t i = 0; i < tx.authorizations.count; ++i) {
            const Authorization& each = block.authorizations[tx.authorizations.first + i];
            extra.push_back(list({integer(each.chain_id), string(each.address), integer(each.nonce),
                                  integer(each.y_parity), integer(each.r), integer(each.s)}));
        }
        items.push_back(list(extra));
    }
    items.insert(items.end(), {parity, r, s});
    return typed(items);
}

inline Bloom bloom(const Block& block, const Receipt& receipt) {
    Bloom out;
    for (std::uint32_t i = 0; i < receipt.logs.count; ++i) {
        const Log& log = block.logs[receipt.logs.first + i];
        add_to_bloom(out, log.address.view());
        for (std::size_t t = 0; t < log.topic_count; ++t) add_to_bloom(out, log.topics[t].view());
    }
    return out;
}

inline Bytes receipt(const Block& block, const Transaction& tx, const Receipt& from) {
    std::vector<Bytes> logs;
    for (std::uint32_t i = 0; i < from.logs.count; ++i) {
        const Log& log = block.logs[from.logs.first + i];
        std::vector<Bytes> topics;
        for (std::size_t t = 0; t < log.topic_count; ++t) topics.push_back(string(log.topics[t]));
        logs.push_back(list({string(log.address), list(topics), string(log.data)}));
    }
    std::vector<Bytes> items = {from.root ? string(*from.root) : integer(*from.status ? 1 : 0),
                                integer(from.cumulative_gas_used), string(bloom(block, from)), list(logs)};
    if (tx.type == 0x7e && from.deposit_receipt_version) {
        items.push_back(integer(*from.deposit_nonce));
        items.push_back(integer(*from.deposit_receipt_version));
    }
    if (tx.type == 0) return list(items);
    return concat({static_cast<std::uint8_t>(tx.type)}, list(items));
}

inline Bytes header(const Header& from) {
    Hash32 nonce = Uint256{from.nonce}.to_big_endian();
    std::vector<Bytes> items = {
        string(from.parent_hash), string(from.ommers_hash),       string(from.miner),
        string(from.state_root),  string(from.transactions_root), string(from.receipts_root),
        string(from.logs_bloom),  integer(from.difficulty),       integer(from.number),
        integer(from.gas_limit),  integer(from.gas_used),         integer(from.timestamp),
        string(from.extra_data),  string(from.mix_hash),          string(nonce.view().last(8))};
    if (from.base_fee_per_gas) items.push_back(integer(*from.base_fee_per_gas));
    if (from.withdrawals_root) items.push_back(string(*from.withdrawals_root));
    if (from.blob_gas_used) items.push_back(integer(*from.blob_gas_used));
    if (from.excess_blob_gas) items.push_back(integer(*from.excess_blob_gas));
    if (from.parent_beacon_root) items.push_back(string(*from.parent_beacon_root));
    if (from.requests_hash) items.push_back(string(*from.requests_hash));
    if (from.block_access_list_hash) items.push_back(string(*from.block_access_list_hash));
    if (from.slot_number) items.push_back(integer(*from.slot_number));
    return list(items);
}

inline Hash32 withdrawals_root(const Block& block) {
    std::vector<Bytes> values;
    for (const Withdrawal& each : block.withdrawals)
        values.push_back(list({integer(each.index), integer(each.validator_index), string(each.address),
                               integer(each.amount)}));
    return ordered_root(values);
}

inline void seal_header(Block& block) { block.header.hash = keccak256(header(block.header)); }

/// Sets the hash of every transaction, the roots, the blooms (of receipts only where one is set) and the
/// block's hash.
inline void seal(Block& block) {
    std::vector<Bytes> transactions;
    std::vector<Bytes> receipts;
    block.header.logs_bloom = {};
    for (Transaction& each : block.transactions) {
        transactions.push_back(transaction(block, each));
        each.hash = keccak256(transactions.back());
    }
    for (std::size_t i = 0; i < block.receipts.size(); ++i) {
        receipts.push_back(receipt(block, block.transactions[i], block.receipts[i]));
        const Bloom own = bloom(block, block.receipts[i]);
        if (block.receipts[i].logs_bloom) block.receipts[i].logs_bloom = own;
        for (std::size_t b = 0; b < Bloom::size(); ++b) block.header.logs_bloom.bytes[b] |= own.bytes[b];
    }
    block.header.transactions_root = ordered_root(transactions);
    block.header.receipts_root = ordered_root(receipts);
    if (block.header.withdrawals_root) block.header.withdrawals_root = withdrawals_root(block);
    seal_header(block);
}

/// A block of the Prague form with every transaction type (two of type 0) and logs of 0 to 4 topics, not
/// sealed. Transaction i has receipt i with i mod 3 logs.
inline Block make_block() {
    Block block;
    Header& header = block.header;
    header.number = 22'431'084;
    header.parent_hash = filled(1);
    header.ommers_hash = keccak256(list({}));
    header.miner = filled<Address>(2);
    header.state_root = filled(3);
    header.gas_limit = 36'000'000;
    header.gas_used = 12'345'678;
    header.timestamp = 1'746'612'311;
    header.extra_data = block.arena.copy(as_bytes("made by hand"));
    header.mix_hash = filled(4);
    header.nonce = 0x42;
    header.base_fee_per_gas = 7'000'000'000;
    header.withdrawals_root = Hash32{};
    header.blob_gas_used = 131'072;
    header.excess_blob_gas = 0;
    header.parent_beacon_root = filled(5);
    header.requests_hash = filled(6);
    header.has_uncles = true;
    header.has_withdrawals = true;

    block.storage_keys = {filled(10), filled(11), filled(12)};
    block.access_entries = {
        {filled<Address>(20), {0, 2}}, {filled<Address>(21), {2, 1}}, {filled<Address>(22), {}}};
    block.blob_hashes = {filled(30), filled(31)};
    block.authorizations = {{1, filled<Address>(40), 5, 1, wide(41), wide(42)},
                            {wide(43), filled<Address>(44), UINT64_MAX, 0, 300, 0}};
    for (const std::uint32_t type : {0U, 0U, 1U, 2U, 3U, 4U, 0x7eU}) {
        const auto seed = static_cast<std::uint8_t>(50 + 10 * block.transactions.size());
        Transaction tx;
        tx.type = type;
        tx.from = filled<Address>(seed);
        tx.to = filled<Address>(static_cast<std::uint8_t>(seed + 1));
        tx.nonce = seed;
        tx.gas = 21'000U + seed;
        tx.value = wide(static_cast<std::uint8_t>(seed + 2));
        tx.input = block.arena.copy(Bytes(seed, seed));
        if (type <= 1) tx.gas_price = 1'000'000'000 + seed;
        if (type >= 2 && type <= 4) {
            tx.max_fee_per_gas = 9'000'000'000;
            tx.max_priority_fee_per_gas = 1'500'000'000;
        }
        if (type != 0x7e) {
            tx.chain_id = 1;
            tx.v = type == 0 ? 37 : 1;
            tx.r = wide(static_cast<std::uint8_t>(seed + 3));
            tx.s = 0x1234;
        }
        if (type >= 1 && type <= 4) {
            tx.y_parity = 1;
            tx.has_access_list = true;
            tx.access_list = {0, 3};
        }
        block.transactions.push_back(tx);
    }
    // Before EIP-155, and a contract creation.
    block.transactions[1].chain_id.reset();
    block.transactions[1].v = 28;
    block.transactions[1].to.reset();
    block.transactions[4].max_fee_per_blob_gas = 3;
    block.transactions[4].blob_hashes = {0, 2};
    block.transactions[5].authorizations = {0, 2};
    block.transactions[6].source_hash = filled(9);
    block.transactions[6].mint = wide(8);
    block.transactions[6].is_system = true;

    for (std::size_t i = 0; i < block.transactions.size(); ++i) {
        Receipt receipt;
        receipt.status = i != 2;
        receipt.cumulative_gas_used = 50'000 * (i + 1);
        receipt.logs_bloom = Bloom{};
        receipt.logs = {static_cast<std::uint32_t>(block.logs.size()), static_cast<std::uint32_t>(i % 3)};
        for (std::size_t l = 0; l < i % 3; ++l) {
            Log log;
            log.address = filled<Address>(static_cast<std::uint8_t>(90 + i));
            log.topic_count = static_cast<std::uint8_t>((i + l) % 5);
            for (std::uint8_t t = 0; t < log.topic_count; ++t)
                log.topics[t] = filled(static_cast<std::uint8_t>(100 + t));
            log.data = block.arena.copy(Bytes(33 * l, 0xee));
            block.logs.push_back(log);
        }
        block.receipts.push_back(receipt);
    }
    block.receipts[6].deposit_nonce = 77;
    block.receipts[6].deposit_receipt_version = 1;
    for (std::uint64_t i = 0; i < 16; ++i)
        block.withdrawals.push_back(
            {1000 + i, 5 * i, filled<Address>(static_cast<std::uint8_t>(i)), 18'000'000 + i});
    return block;
}

inline Block make_sealed_block() {
    Block block = make_block();
    seal(block);
    return block;
}

}  // namespace amp::evm::naive
