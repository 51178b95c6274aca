// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "extract/evm_rpc/transaction_reader.hpp"

#include <algorithm>

namespace amp::extract::evm_rpc {
namespace {

constexpr std::uint32_t kLastStandardType = 4;

// Fields that no column holds for types outside 0-4 (raw tables reference, 4.4), where they are no longer
// redundant.
constexpr std::array kKeptForOtherTypes = {
    TxKey::kChainId,    TxKey::kGasPrice,   TxKey::kMaxFee,     TxKey::kMaxPriorityFee, TxKey::kV,
    TxKey::kAccessList, TxKey::kMaxBlobFee, TxKey::kBlobHashes, TxKey::kAuthorizations};

// The fields that a transaction of type 0-4 must have beside those of every transaction.
constexpr std::array<std::uint64_t, kLastStandardType + 1> kRequiredByType = [] {
    using enum TxKey;
    constexpr std::uint64_t kFees = mask_of(kChainId, kMaxFee, kMaxPriorityFee, kAccessList);
    return std::array<std::uint64_t, kLastStandardType + 1>{
        mask_of(kGasPrice), mask_of(kGasPrice, kChainId, kAccessList), kFees,
        kFees | mask_of(kMaxBlobFee, kBlobHashes), kFees | mask_of(kAuthorizations)};
}();

}  // namespace

bool read_block_hash(ObjectReader& json, BlockContext& block, std::string_view token) {
    Hash32 hash;
    if (!json.fixed(token, hash)) return false;
    if (!block.hash) block.hash = hash;
    return hash == *block.hash || json.bad("is {}, expected the block's hash {}", to_hex0x(hash.view()),
                                           to_hex0x(block.hash->view()));
}

bool TransactionReader::read_transactions(Value& value) {
    return json_.each(value, [this](Value& element) {
        if (block_.out->transactions.empty() && element.raw_json_token().starts_with('"'))
            return json_.bad("holds hashes, expected transaction objects");
        return read_transaction(element, block_.out->transactions.size());
    });
}

bool TransactionReader::read_transaction(Value& element, std::size_t index) {
    evm::Transaction& tx = block_.out->transactions.emplace_back();
    ObjectReader::Scope scope(json_, tx_keys_, index);
    const auto on_field = [&](TxKey key, std::string_view token, Value& value) {
        tokens_[static_cast<std::size_t>(key)] = token;
        return read_transaction_field(key, tx, token, value);
    };
    return json_.walk_element<TxKey>(element, scope, on_field) && finish_transaction(scope, tx);
}

bool TransactionReader::read_transaction_field(TxKey key, evm::Transaction& tx, std::string_view token,
                                               Value& value) {
    using enum TxKey;
    const auto list = [&](bool ok) {
        // The text of the whole list, in case that it is kept.
        return ok && json_.text_of_array(tokens_[static_cast<std::size_t>(key)]);
    };
    switch (key) {
        case kHash:
            return json_.fixed(token, tx.hash);
        case kFrom:
            return json_.fixed(token, tx.from);
        case kTo:
            return json_.fixed_or_empty(token, tx.to);
        case kType: {
            std::uint64_t type = 0;
            if (!json_.u64(token, type, kSigned32)) return false;
            tx.type = static_cast<std::uint32_t>(type);
            return true;
        }
        case kNonce:
            return json_.u64(token, tx.nonce);
        case kGas:
            return json_.u64(token, tx.gas, kFull64);
        case kValue:
            return json_.u256(token, tx.value);
        case kInput:
            return json_.data(token, tx.input);
        case kData:
            return json_.data(token, data_);
        case kGasPrice:
            return json_.u256(token, tx.gas_price);
        case kMaxFee:
            return json_.u256(token, tx.max_fee_per_gas);
        case kMaxPriorityFee:
            return json_.u256(token, tx.max_priority_fee_per_gas);
        case kMaxBlobFee:
            return json_.u256(token, tx.max_fee_per_blob_gas);
        case kChainId:
            return json_.u256(token, tx.chain_id);
        case kV:
            return json_.u256(token, tx.v);
        case kYParity:
            return json_.u64(token, tx.y_parity);
        case kR:
            return json_.u256(token, tx.r);
        case kS:
            return json_.u256(token, tx.s);
        case kAccessList:
            return list(read_access_list(value, tx));
        case kBlobHashes:
            return list(json_.hashes(value, block_.out->blob_hashes, &tx.blob_hashes));
        case kAuthorizations:
            return list(read_authorizations(value, tx));
        case kSourceHash:
            return json_.fixed(token, tx.source_hash);
        case kMint:
            return json_.u256(token, tx.mint);
        case kIsSystem:
            return json_.boolean(token, tx.is_system);
        case kBlockHash:
            return read_block_hash(json_, block_, token);
        case kBlockNumber:
            return json_.equals(token, block_.options.expected_number);
        case kIndex:
            return json_.equals(token, json_.index());
        case kBlockTimestamp:
        case kCreates:
        case kRaw:
        case kPublicKey:
        case kStandardV:
        case kCondition:
        case kCount:
            break;
    }
    return true;
}

bool TransactionReader::finish_transaction(const ObjectReader::Scope& scope, evm::Transaction& tx) {
    using enum TxKey;
    constexpr std::uint64_t kRequired = mask_of(kHash, kFrom, kNonce, kGas, kValue);
    const bool standard = tx.type <= kLastStandardType;
    if (!json_.require(scope, kRequired | (standard ? kRequiredByType[tx.type] : 0))) return false;
    if (scope.has(kData)) {
        json_.point_at(kData);
        if (scope.has(kInput) && !std::ranges::equal(tx.input, data_))
            return json_.bad("differs from \"input\"");
        tx.input = data_;
    } else if (!json_.require(scope, mask_of(kInput))) {
        return false;
    }
    tx.has_access_list = scope.has(kAccessList);
    const auto keep = [&](TxKey key) {
        const auto id = static_cast<std::uint8_t>(key);
        if (scope.has(key)) json_.keep(scope, id, tokens_[id]);
    };
    if (standard) {
        if (!check_signature(scope, tx)) return false;
        const bool known_v = tx.v >= Uint256(35) || tx.v == Uint256(27) || tx.v == Uint256(28);
        if (tx.type == 0 && !known_v) keep(kV);
    } else {
        for (const TxKey key : kKeptForOtherTypes) keep(key);
    }
    std::string_view extras;
    if (!json_.take_extras(scope, "", extras)) return false;
    if (!extras.empty()) {
        extras_.resize(block_.out->transactions.size());
        extras_.back() = extras;
    }
    return true;
}

// Types 0-4: the chain id must fit its column and the parity must be one (raw tables reference, 4.3).
bool TransactionReader::check_signature(const ObjectReader::Scope& scope, const evm::Transaction& tx) {
    using enum TxKey;
    if (tx.chain_id && !tx.chain_id->fits_u64()) {
        json_.point_at(kChainId);
        return json_.bad("exceeds 64 bits: {}", tx.chain_id->to_decimal());
    }
    if (tx.type == 0) {
        // v = 2 * chain id + 35 + parity
        constexpr Uint256 kLargest = [] {
            Uint256 v(34);  // 2 * (2^64 - 1) + 36 = 2^65 + 34
            v.limbs[1] = 2;
            return v;
        }();
        if (tx.v <= kLargest) return true;
        json_.point_at(kV);
        return json_.bad("stands for a chain id above 64 bits: {}", tx.v.to_decimal());
    }
    const Uint256 parity = tx.y_parity ? Uint256(*tx.y_parity) : tx.v;
    if (parity <= Uint256(1)) return true;
    json_.point_at(scope.has(kYParity) ? kYParity : kV);
    return json_.bad("is {}, expected 0 or 1", parity.to_decimal());
}

bool TransactionReader::read_access_list(Value& value, evm::Transaction& tx) {
    using enum AccessKey;
    tx.access_list.first = static_cast<std::uint32_t>(block_.out->access_entries.size());
    return json_.each(value, [&](Value& element) {
        ObjectReader::Scope scope(json_, access_keys_, tx.access_list.count++);
        evm::AccessEntry& entry = block_.out->access_entries.emplace_back();
        entry.storage_keys.first = static_cast<std::uint32_t>(block_.out->storage_keys.size());
        const auto on_field = [&](AccessKey key, std::string_view token, Value& field) {
            switch (key) {
                case kAddress:
                    return json_.fixed(token, entry.address);
                case kStorageKeys:
                    return json_.hashes(field, block_.out->storage_keys, &entry.storage_keys);
            }
            return true;
        };
        std::string_view unused;
        return json_.walk_element<AccessKey>(element, scope, on_field) &&
               json_.require(scope, mask_of(kAddress, kStorageKeys)) && json_.take_extras(scope, "", unused);
    });
}

bool TransactionReader::read_authorizations(Value& value, evm::Transaction& tx) {
    using enum AuthKey;
    constexpr std::uint64_t kByteMax = std::numeric_limits<std::uint8_t>::max();
    tx.authorizations.first = static_cast<std::uint32_t>(block_.out->authorizations.size());
    return json_.each(value, [&](Value& element) {
        ObjectReader::Scope scope(json_, authorization_keys_, tx.authorizations.count++);
        evm::Authorization& authorization = block_.out->authorizations.emplace_back();
        std::string_view parity_token;
        std::string_view v_token;
        const auto on_field = [&](AuthKey key, std::string_view token, Value&) {
            switch (key) {
                case kChainId:
                    return json_.u256(token, authorization.chain_id);
                case kAddress:
                    return json_.fixed(token, authorization.address);
                case kNonce:
                    return json_.u64(token, authorization.nonce, kFull64);
                case kYParity:
                    parity_token = token;
                    break;
                case kV:
                    v_token = token;
                    break;
                case kR:
                    return json_.u256(token, authorization.r);
                case kS:
                    return json_.u256(token, authorization.s);
            }
            return true;
        };
        if (!json_.walk_element<AuthKey>(element, scope, on_field)) return false;
        const bool by_v = parity_token.empty() && !v_token.empty();
        const AuthKey parity_key = by_v ? kV : kYParity;
        if (!json_.require(scope, mask_of(kChainId, kAddress, kNonce, kR, kS, parity_key))) return false;
        json_.point_at(parity_key);
        std::uint64_t parity = 0;
        if (!json_.u64(by_v ? v_token : parity_token, parity, kByteMax)) return false;
        authorization.y_parity = static_cast<std::uint8_t>(parity);
        std::string_view unused;
        return json_.take_extras(scope, "", unused);
    });
}

}  // namespace amp::extract::evm_rpc
