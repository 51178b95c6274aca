// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "columnar/table_builder.hpp"
#include "evm/types.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace amp::extract::evm_rpc {

/// Positions of columns in the table specs (a test compares them by name).
struct BlocksColumn {
    enum : int {
        kBlockNumKey,  // _block_num
        kBlockNum,
        kTimestamp,
        kHash,
        kParentHash,
        kOmmersHash,
        kMiner,
        kStateRoot,
        kTransactionsRoot,
        kReceiptRoot,
        kLogsBloom,
        kDifficulty,
        kTotalDifficulty,
        kGasLimit,
        kGasUsed,
        kExtraData,
        kMixHash,
        kNonce,
        kBaseFeePerGas,
        kWithdrawalsRoot,
        kBlobGasUsed,
        kExcessBlobGas,
        kParentBeaconRoot,
        kRequestsHash,
        kSize,
        kUncleHashes,
        kWithdrawals,
        kBlockAccessListHash,
        kSlotNumber,
        kDetailLevel,
        kTotalDifficultyOverflow,
        kBaseFeePerGasOverflow,
        kExtraJson,
        kCount,
    };
};

struct TransactionsColumn {
    enum : int {
        kBlockNumKey,  // _block_num
        kBlockHash,
        kBlockNum,
        kTimestamp,
        kTxIndex,
        kTxHash,
        kTo,
        kNonce,
        kGasPrice,
        kGasLimit,
        kValue,
        kInput,
        kR,
        kS,
        kVParity,
        kChainId,
        kGasUsed,
        kType,
        kMaxFeePerGas,
        kMaxPriorityFeePerGas,
        kMaxFeePerBlobGas,
        kFrom,
        kStatus,
        kStateRoot,
        kAccessList,
        kBlobVersionedHashes,
        kAuthorizationList,
        kCumulativeGasUsed,
        kTxGasUsed,
        kEffectiveGasPrice,
        kContractAddress,
        kBlobGasUsed,
        kBlobGasPrice,
        kValueDec,
        kGasPriceOverflow,
        kMaxFeePerGasOverflow,
        kMaxPriorityFeePerGasOverflow,
        kMaxFeePerBlobGasOverflow,
        kEffectiveGasPriceOverflow,
        kBlobGasPriceOverflow,
        kAuthorizationListOverflow,
        kDepositSourceHash,
        kDepositMint,
        kDepositMintOverflow,
        kDepositIsSystem,
        kDepositNonce,
        kDepositReceiptVersion,
        kExtraJson,
        kCount,
    };
};

struct LogsColumn {
    enum : int {
        kBlockNumKey,  // _block_num
        kBlockHash,
        kBlockNum,
        kTimestamp,
        kTxHash,
        kTxIndex,
        kLogIndex,
        kAddress,
        kTopic0,
        kTopic1,
        kTopic2,
        kTopic3,
        kData,
        kExtraJson,
        kCount,
    };
};

/// Turns decoded blocks into rows of `blocks`, `transactions` and `logs`, by the rules of the raw tables
/// reference (sections 2 to 5).
///
/// A block is checked as a whole before its first value is appended: append() adds the rows of all its tables
/// or none. Threads: one owner.
class RowWriter {
  public:
    /// `tables`: a subset of blocks, transactions, logs; other names are ignored.
    explicit RowWriter(const std::vector<std::string>& tables);

    /// Appends a block's rows. Views in it may die afterwards.
    /// kCorruption, naming block, table and column, if a value does not fit its column or contradicts the
    /// transaction's type; kInternal if the block's parts do not fit together (a decoder's mistake).
    Result<> append(const evm::Block& block);

    /// nullptr if the table was not asked for.
    columnar::TableBuilder* builder(std::string_view table);

  private:
    std::vector<columnar::TableBuilder> builders_;
    // Into builders_; nullptr if the table was not asked for.
    columnar::TableBuilder* blocks_ = nullptr;
    columnar::TableBuilder* transactions_ = nullptr;
    columnar::TableBuilder* logs_ = nullptr;
};

}  // namespace amp::extract::evm_rpc
