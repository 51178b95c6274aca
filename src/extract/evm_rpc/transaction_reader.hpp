// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extract/evm_rpc/object_reader.hpp"

namespace amp::extract::evm_rpc {

/// The block at hand, shared by the readers of its parts.
struct BlockContext {
    evm::Block* out = nullptr;
    DecodeOptions options;
    std::optional<Hash32> hash;  // of the header, or of the first transaction if that comes first
    bool gas_mismatch = false;
    bool renumbered = false;
};

/// Checks a block hash against that of the block; the first one that is met defines it.
bool read_block_hash(ObjectReader& json, BlockContext& block, std::string_view token);

/// Reads the transactions of a block (raw tables reference, section 4; checks V1 and V4).
class TransactionReader {
  public:
    TransactionReader(ObjectReader& json, BlockContext& block) : json_(json), block_(block) {}

    void begin() { extras_.clear(); }
    /// Reads the array `transactions`.
    bool read_transactions(ObjectReader::Value& value);
    /// What no column holds, per transaction as canonical JSON; ends with the last transaction that has
    /// something.
    std::vector<std::string_view>& extras() { return extras_; }

  private:
    using Value = ObjectReader::Value;

    bool read_transaction(Value& element, std::size_t index);
    bool read_transaction_field(TxKey key, evm::Transaction& tx, std::string_view token, Value& value);
    bool finish_transaction(const ObjectReader::Scope& scope, evm::Transaction& tx);
    bool check_signature(const ObjectReader::Scope& scope, const evm::Transaction& tx);
    bool read_access_list(Value& value, evm::Transaction& tx);
    bool read_authorizations(Value& value, evm::Transaction& tx);

    ObjectReader& json_;
    BlockContext& block_;
    KeyTable tx_keys_ = tx_keys();
    KeyTable access_keys_ = access_keys();
    KeyTable authorization_keys_ = authorization_keys();
    std::vector<std::string_view> extras_;
    // Of the transaction at hand.
    ByteView data_;  // its field `data`
    std::array<std::string_view, static_cast<std::size_t>(TxKey::kCount)> tokens_;
};

}  // namespace amp::extract::evm_rpc
