// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extract/evm_rpc/key_table.hpp"

#include <cstdint>

// The fields of the objects in answers to eth_getBlockByNumber and eth_getBlockReceipts that have a column or
// that the raw tables reference (4.4) calls redundant. Everything else is an unknown field.
namespace amp::extract::evm_rpc {

enum class BlockKey : std::uint8_t {
    kNumber,
    kHash,
    kParentHash,
    kOmmersHash,
    kMiner,
    kAuthor,
    kStateRoot,
    kTransactionsRoot,
    kReceiptsRoot,
    kLogsBloom,
    kDifficulty,
    kTotalDifficulty,
    kGasLimit,
    kGasUsed,
    kTimestamp,
    kExtraData,
    kMixHash,
    kNonce,
    kBaseFee,
    kWithdrawalsRoot,
    kBlobGasUsed,
    kExcessBlobGas,
    kParentBeaconRoot,
    kRequestsHash,
    kAccessListHash,
    kSlotNumber,
    kSize,
    kUncles,
    kWithdrawals,
    kTransactions
};

enum class TxKey : std::uint8_t {
    kHash,
    kFrom,
    kTo,
    kType,
    kNonce,
    kGas,
    kValue,
    kInput,
    kData,
    kGasPrice,
    kMaxFee,
    kMaxPriorityFee,
    kMaxBlobFee,
    kChainId,
    kV,
    kYParity,
    kR,
    kS,
    kAccessList,
    kBlobHashes,
    kAuthorizations,
    kSourceHash,
    kMint,
    kIsSystem,
    kBlockHash,
    kBlockNumber,
    kIndex,
    kBlockTimestamp,
    kCreates,
    kRaw,
    kPublicKey,
    kStandardV,
    kCondition,
    kCount
};

enum class ReceiptKey : std::uint8_t {
    kStatus,
    kRoot,
    kCumulativeGasUsed,
    kGasUsed,
    kEffectiveGasPrice,
    kContractAddress,
    kBlobGasUsed,
    kBlobGasPrice,
    kDepositNonce,
    kDepositVersion,
    kLogs,
    kLogsBloom,
    kBlockHash,
    kBlockNumber,
    kTxHash,
    kTxIndex,
    kBlockTimestamp,
    kFrom,
    kTo,
    kType
};

enum class LogKey : std::uint8_t {
    kAddress,
    kTopics,
    kData,
    kBlockHash,
    kBlockNumber,
    kTxHash,
    kTxIndex,
    kLogIndex,
    kRemoved,
    kBlockTimestamp
};

enum class WithdrawalKey : std::uint8_t { kIndex, kValidatorIndex, kAddress, kAmount };
enum class AccessKey : std::uint8_t { kAddress, kStorageKeys };
enum class AuthKey : std::uint8_t { kChainId, kAddress, kNonce, kYParity, kV, kR, kS };

/// The bits of some fields in a set of fields of one object.
template <typename... Id>
constexpr std::uint64_t mask_of(Id... ids) {
    return ((std::uint64_t{1} << static_cast<unsigned>(ids)) | ...);
}

KeyTable block_keys();
KeyTable tx_keys();
KeyTable receipt_keys();
KeyTable log_keys();
KeyTable withdrawal_keys();
KeyTable access_keys();
KeyTable authorization_keys();

}  // namespace amp::extract::evm_rpc
