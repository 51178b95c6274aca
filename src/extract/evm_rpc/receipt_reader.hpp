// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extract/evm_rpc/object_reader.hpp"
#include "extract/evm_rpc/transaction_reader.hpp"

namespace amp::extract::evm_rpc {

/// Reads the receipts of a block and their logs (raw tables reference, sections 4 and 5; checks V5 to V8).
/// The header and the transactions must have been read.
class ReceiptReader {
  public:
    ReceiptReader(ObjectReader& json, BlockContext& block) : json_(json), block_(block) {}

    void begin();
    /// Reads the whole answer.
    bool read_receipts(std::string_view json);
    /// What no column holds, per receipt as canonical JSON; ends with the last receipt that has something.
    std::vector<std::string_view>& extras() { return extras_; }

  private:
    using Value = ObjectReader::Value;

    // What a receipt or a log says about where it belongs.
    struct Identity {
        std::optional<Hash32> block_hash;
        std::optional<std::uint64_t> block_number;
        std::optional<Hash32> tx_hash;
        std::optional<std::uint64_t> tx_index;
    };

    bool gas_is_hard() const;
    bool read_receipt(Value& element, std::size_t index);
    bool read_receipt_field(ReceiptKey key, evm::Receipt& receipt, Identity& identity,
                            std::string_view token);
    template <typename Id>
    bool check_identity(const Identity& identity, std::size_t tx_index);
    bool check_gas(const evm::Receipt& receipt);
    bool read_logs(Value& value, std::size_t tx_index);
    bool read_log(Value& element, std::size_t index, std::size_t tx_index);
    bool read_topics(Value& value, evm::Log& log);

    ObjectReader& json_;
    BlockContext& block_;
    KeyTable receipt_keys_ = receipt_keys();
    KeyTable log_keys_ = log_keys();
    std::vector<std::string_view> extras_;
    std::uint64_t gas_before_ = 0;  // cumulative gas of the receipt before
};

}  // namespace amp::extract::evm_rpc
