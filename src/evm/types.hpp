// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/block_range.hpp"
#include "base/bytes.hpp"
#include "base/uint256.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace amp::evm {

/// Elements first..first+count-1 of one of the flat vectors of Block.
struct Slice {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
};

/// Bump allocator for the variable-length bytes of one block. Spans stay valid until clear(); chunks are
/// kept.
class Arena {
  public:
    /// Room for size bytes, uninitialised.
    std::uint8_t* allocate(std::size_t size);
    ByteView copy(ByteView bytes);
    std::string_view copy(std::string_view text);
    void clear();
    std::size_t capacity() const { return capacity_; }

  private:
    struct Chunk {
        std::unique_ptr<std::uint8_t[]> data;
        std::size_t size = 0;
    };
    std::vector<Chunk> chunks_;
    std::size_t chunk_ = 0;
    std::size_t used_ = 0;
    std::size_t capacity_ = 0;
};

/// A block header as one node reported it. Optional = the node sent nothing (absent or null).
/// Defaults for absent required-by-hash fields are those of the raw tables reference (1.4);
/// `unverifiable_header` says that one of them makes the header hash uncheckable.
struct Header {
    BlockNum number = 0;
    Hash32 hash;
    Hash32 parent_hash;
    Hash32 ommers_hash;
    Address miner;
    Hash32 state_root;
    Hash32 transactions_root;
    Hash32 receipts_root;
    Bloom logs_bloom;
    Uint256 difficulty;
    std::optional<Uint256> total_difficulty;
    std::uint64_t gas_limit = 0;
    std::uint64_t gas_used = 0;
    std::uint64_t timestamp = 0;  // seconds
    ByteView extra_data;
    Hash32 mix_hash;
    std::uint64_t nonce = 0;  // 8 bytes read big-endian
    std::optional<Uint256> base_fee_per_gas;
    std::optional<Hash32> withdrawals_root;
    std::optional<std::uint64_t> blob_gas_used;
    std::optional<std::uint64_t> excess_blob_gas;
    std::optional<Hash32> parent_beacon_root;
    std::optional<Hash32> requests_hash;
    std::optional<Hash32> block_access_list_hash;
    std::optional<std::uint64_t> slot_number;
    std::optional<std::uint64_t> size;  // bytes of the RLP form; 0 counts as absent
    bool has_uncles = false;            // Block::uncle_hashes is what the node sent
    bool has_withdrawals = false;       // Block::withdrawals is what the node sent
    bool unverifiable_header = false;
    std::string_view extra_json;  // fields that no column holds, canonical JSON; empty = none
};

struct AccessEntry {
    Address address;
    Slice storage_keys;  // of Block::storage_keys
};

/// EIP-7702 authorization with the full width that the chain allows.
struct Authorization {
    Uint256 chain_id;
    Address address;
    std::uint64_t nonce = 0;
    std::uint8_t y_parity = 0;
    Uint256 r;
    Uint256 s;
};

struct Withdrawal {
    std::uint64_t index = 0;
    std::uint64_t validator_index = 0;
    Address address;
    std::uint64_t amount = 0;  // Gwei
};

struct Transaction {
    Hash32 hash;
    Address from;
    std::optional<Address> to;
    std::uint32_t type = 0;
    std::uint64_t nonce = 0;
    std::uint64_t gas = 0;
    Uint256 value;
    ByteView input;
    std::optional<Uint256> gas_price;
    std::optional<Uint256> max_fee_per_gas;
    std::optional<Uint256> max_priority_fee_per_gas;
    std::optional<Uint256> max_fee_per_blob_gas;
    std::optional<Uint256> chain_id;  // as sent (JSON chainId)
    Uint256 v;                        // as sent; 0 if absent
    std::optional<std::uint64_t> y_parity;
    Uint256 r;
    Uint256 s;
    bool has_access_list = false;
    Slice access_list;     // of Block::access_entries
    Slice blob_hashes;     // of Block::blob_hashes
    Slice authorizations;  // of Block::authorizations
    // Type 0x7e (OP-stack deposit).
    std::optional<Hash32> source_hash;
    std::optional<Uint256> mint;
    bool is_system = false;
    std::string_view extra_json;  // canonical JSON of {"receipt":..,"tx":..}; empty = none
};

struct Receipt {
    std::optional<bool> status;  // absent before Byzantium
    std::optional<Hash32> root;  // 32 bytes before Byzantium
    std::uint64_t cumulative_gas_used = 0;
    std::uint64_t gas_used = 0;
    std::optional<Uint256> effective_gas_price;
    std::optional<Address> contract_address;  // zero address counts as absent
    std::optional<std::uint64_t> blob_gas_used;
    std::optional<Uint256> blob_gas_price;
    std::optional<std::uint64_t> deposit_nonce;
    std::optional<std::uint64_t> deposit_receipt_version;
    std::optional<Bloom> logs_bloom;  // as sent; the computed one is what verification uses
    Slice logs;                       // of Block::logs
};

struct Log {
    Address address;
    std::uint32_t log_index = 0;  // in the block
    std::uint32_t tx_index = 0;
    std::uint8_t topic_count = 0;
    std::array<Hash32, 4> topics;
    ByteView data;
    std::string_view extra_json;
};

/// One decoded block with its receipts: the unit that is verified and turned into rows.
/// transactions[i] belongs to receipts[i]. Views point into `arena`. Reused between blocks: clear() keeps
/// capacity.
struct Block {
    Header header;
    std::vector<Transaction> transactions;
    std::vector<Receipt> receipts;  // empty if only the header was fetched
    std::vector<Log> logs;          // in receipt order
    std::vector<Withdrawal> withdrawals;
    std::vector<Hash32> uncle_hashes;
    std::vector<AccessEntry> access_entries;
    std::vector<Hash32> storage_keys;
    std::vector<Hash32> blob_hashes;
    std::vector<Authorization> authorizations;
    Arena arena;

    void clear();
};

}  // namespace amp::evm
