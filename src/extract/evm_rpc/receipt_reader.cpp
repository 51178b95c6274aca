// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "extract/evm_rpc/receipt_reader.hpp"

#include <algorithm>

namespace amp::extract::evm_rpc {

void ReceiptReader::begin() {
    gas_before_ = 0;
    extras_.clear();
}

// Chains with pseudo transactions or other gas rules break the sums (extractors reference, 3.8).
bool ReceiptReader::gas_is_hard() const {
    return block_.options.profile == "ethereum" || block_.options.profile == "op-stack";
}

bool ReceiptReader::read_receipts(std::string_view json) {
    if (!json_.parse(json, "receipt list")) return false;
    if (is_null_token(trim_json(json)))
        return json_.fail(Code::kUnavailable, "NULL_RECEIPTS",
                          "is null: the node does not have the receipts yet");
    ondemand::array array;
    const bool ok = json_.root_array(array) && json_.each_of(array, [this](Value& element) {
        return read_receipt(element, block_.out->receipts.size());
    });
    if (!ok || !json_.at_end()) return false;
    const std::size_t expected = block_.out->transactions.size();
    if (block_.out->receipts.empty() && expected > 0)
        return json_.fail(Code::kUnavailable, "EMPTY_RECEIPTS",
                          fmt::format("is empty, but the block has {} transactions", expected));
    if (block_.out->receipts.size() != expected)
        return json_.bad("has {} entries, but the block has {} transactions", block_.out->receipts.size(),
                         expected);
    // Since Amsterdam block gas and receipt gas differ; the access list hash marks such blocks.
    if (expected == 0 || block_.out->header.block_access_list_hash ||
        gas_before_ == block_.out->header.gas_used)
        return true;
    block_.gas_mismatch = true;
    return !gas_is_hard() || json_.bad("ends at {} cumulative gas, but the header's gasUsed is {}",
                                       gas_before_, block_.out->header.gas_used);
}

bool ReceiptReader::read_receipt(Value& element, std::size_t index) {
    using enum ReceiptKey;
    ObjectReader::Scope scope(json_, receipt_keys_, index);
    evm::Receipt& receipt = block_.out->receipts.emplace_back();
    Identity identity;
    const auto on_field = [&](ReceiptKey key, std::string_view token, Value& value) {
        if (key == kLogs) return read_logs(value, index);
        return read_receipt_field(key, receipt, identity, token);
    };
    if (!json_.walk_element<ReceiptKey>(element, scope, on_field)) return false;
    if (!check_identity<ReceiptKey>(identity, index)) return false;
    if (index >= block_.out->transactions.size())
        return json_.bad("is one too many: the block has {} transactions", block_.out->transactions.size());
    if (!json_.require(scope, mask_of(kCumulativeGasUsed, kGasUsed, kLogs))) return false;
    if (receipt.contract_address && receipt.contract_address->is_zero()) receipt.contract_address.reset();
    std::string_view extras;
    if (!check_gas(receipt) || !json_.take_extras(scope, "", extras)) return false;
    if (!extras.empty()) {
        extras_.resize(index + 1);
        extras_.back() = extras;
    }
    return true;
}

bool ReceiptReader::read_receipt_field(ReceiptKey key, evm::Receipt& receipt, Identity& identity,
                                       std::string_view token) {
    using enum ReceiptKey;
    switch (key) {
        case kStatus: {
            std::uint64_t status = 0;
            if (!json_.u64(token, status, kFull64)) return false;
            receipt.status = status == 1;
            return status <= 1 || json_.bad("is {}, expected 0 or 1", status);
        }
        case kRoot: {
            // Other lengths occur beside a status and mean nothing.
            ByteView root;
            if (!json_.data(token, root)) return false;
            if (root.size() == Hash32::kSize) std::ranges::copy(root, receipt.root.emplace().data());
            return true;
        }
        case kCumulativeGasUsed:
            return json_.u64(token, receipt.cumulative_gas_used);
        case kGasUsed:
            return json_.u64(token, receipt.gas_used);
        case kEffectiveGasPrice:
            return json_.u256(token, receipt.effective_gas_price);
        case kContractAddress:
            return json_.fixed_or_empty(token, receipt.contract_address);
        case kBlobGasUsed:
            return json_.u64(token, receipt.blob_gas_used);
        case kBlobGasPrice:
            return json_.u256(token, receipt.blob_gas_price);
        case kDepositNonce:
            return json_.u64(token, receipt.deposit_nonce);
        case kDepositVersion:
            return json_.u64(token, receipt.deposit_receipt_version);
        case kLogsBloom:
            return json_.fixed_or_empty(token, receipt.logs_bloom);
        case kBlockHash:
            return json_.fixed(token, identity.block_hash);
        case kBlockNumber:
            return json_.u64(token, identity.block_number);
        case kTxHash:
            return json_.fixed(token, identity.tx_hash);
        case kTxIndex:
            return json_.u64(token, identity.tx_index);
        case kLogs:
        case kBlockTimestamp:
        case kFrom:
        case kTo:
        case kType:
            break;
    }
    return true;
}

// The block hash goes first: if it differs, so does all the rest, and the cause is a reorganisation.
template <typename Id>
bool ReceiptReader::check_identity(const Identity& identity, std::size_t tx_index) {
    const Hash32& block_hash = block_.out->header.hash;
    if (identity.block_hash && *identity.block_hash != block_hash) {
        json_.point_at(Id::kBlockHash);
        return json_.fail(Code::kUnavailable, "OTHER_BLOCK",
                          fmt::format("is {}, but the block's hash is {}",
                                      to_hex0x(identity.block_hash->view()), to_hex0x(block_hash.view())));
    }
    json_.point_at(Id::kBlockNumber);
    if (identity.block_number && *identity.block_number != block_.options.expected_number)
        return json_.bad("is {}, expected {}", *identity.block_number, block_.options.expected_number);
    json_.point_at(Id::kTxIndex);
    if (identity.tx_index && *identity.tx_index != tx_index)
        return json_.bad("is {}, expected {}", *identity.tx_index, tx_index);
    json_.point_at(Id::kTxHash);
    if (identity.tx_hash && tx_index < block_.out->transactions.size()) {
        const Hash32& tx_hash = block_.out->transactions[tx_index].hash;
        if (*identity.tx_hash != tx_hash)
            return json_.bad("is {}, expected {} of transaction {}", to_hex0x(identity.tx_hash->view()),
                             to_hex0x(tx_hash.view()), tx_index);
    }
    json_.point_at_object();
    return true;
}

bool ReceiptReader::check_gas(const evm::Receipt& receipt) {
    // Both are below 2^63: no overflow.
    const std::uint64_t expected = gas_before_ + receipt.gas_used;
    gas_before_ = receipt.cumulative_gas_used;
    if (receipt.cumulative_gas_used == expected) return true;
    block_.gas_mismatch = true;
    if (!gas_is_hard()) return true;
    json_.point_at(ReceiptKey::kCumulativeGasUsed);
    return json_.bad("is {}, but the receipt before and gasUsed add up to {}", receipt.cumulative_gas_used,
                     expected);
}

bool ReceiptReader::read_logs(Value& value, std::size_t tx_index) {
    evm::Slice& slice = block_.out->receipts.back().logs;
    slice.first = static_cast<std::uint32_t>(block_.out->logs.size());
    return json_.each(value, [&](Value& element) { return read_log(element, slice.count++, tx_index); });
}

bool ReceiptReader::read_log(Value& element, std::size_t index, std::size_t tx_index) {
    using enum LogKey;
    ObjectReader::Scope scope(json_, log_keys_, index);
    const std::uint64_t expected_index = block_.out->logs.size();
    evm::Log& log = block_.out->logs.emplace_back();
    Identity identity;
    std::uint64_t log_index = expected_index;
    bool removed = false;
    const auto on_field = [&](LogKey key, std::string_view token, Value& value) {
        switch (key) {
            case kAddress:
                return json_.fixed(token, log.address);
            case kTopics:
                return read_topics(value, log);
            case kData:
                return json_.data(token, log.data);
            case kBlockHash:
                return json_.fixed(token, identity.block_hash);
            case kBlockNumber:
                return json_.u64(token, identity.block_number);
            case kTxHash:
                return json_.fixed(token, identity.tx_hash);
            case kTxIndex:
                return json_.u64(token, identity.tx_index);
            case kLogIndex:
                return json_.u64(token, log_index, kSigned32);
            case kRemoved:
                return json_.boolean(token, removed);
            case kBlockTimestamp:
                break;
        }
        return true;
    };
    if (!json_.walk_element<LogKey>(element, scope, on_field)) return false;
    if (!check_identity<LogKey>(identity, tx_index)) return false;
    if (!json_.require(scope, mask_of(kAddress, kTopics, kData))) return false;
    if (removed) {
        json_.point_at(kRemoved);
        return json_.bad("is true: the log belongs to a block that left the chain");
    }
    if (log_index != expected_index) {
        json_.point_at(kLogIndex);
        if (!block_.options.renumber_logs)
            return json_.bad(
                "is {}, expected the running number {} (the provider key renumber_logs = true replaces it)",
                log_index, expected_index);
        block_.renumbered = true;
    }
    log.log_index = static_cast<std::uint32_t>(expected_index);
    log.tx_index = static_cast<std::uint32_t>(tx_index);
    return json_.take_extras(scope, "", log.extra_json);
}

bool ReceiptReader::read_topics(Value& value, evm::Log& log) {
    return json_.each(value, [&](Value& element) {
        if (log.topic_count == log.topics.size()) return json_.bad("has more than 4 elements");
        return json_.fixed(element.raw_json_token(), log.topics[log.topic_count++]);
    });
}

}  // namespace amp::extract::evm_rpc
