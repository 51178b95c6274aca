// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "extract/evm_rpc/field_keys.hpp"

#include <initializer_list>
#include <string_view>

namespace amp::extract::evm_rpc {
namespace {

template <typename Id>
struct Named {
    std::string_view name;
    Id id;
};

template <typename Id>
KeyTable make_keys(std::string_view label, std::string_view word, std::initializer_list<Named<Id>> names) {
    KeyTable keys(label, word);
    for (const auto& [name, id] : names) keys.add(name, static_cast<std::uint8_t>(id));
    return keys;
}

}  // namespace

// clang-format off
KeyTable block_keys() {
    using enum BlockKey;
    return make_keys<BlockKey>("block", "", {
        {"number", kNumber}, {"hash", kHash}, {"parentHash", kParentHash}, {"sha3Uncles", kOmmersHash},
        {"miner", kMiner}, {"author", kAuthor}, {"stateRoot", kStateRoot},
        {"transactionsRoot", kTransactionsRoot}, {"receiptsRoot", kReceiptsRoot}, {"logsBloom", kLogsBloom},
        {"difficulty", kDifficulty}, {"totalDifficulty", kTotalDifficulty}, {"gasLimit", kGasLimit},
        {"gasUsed", kGasUsed}, {"timestamp", kTimestamp}, {"extraData", kExtraData}, {"mixHash", kMixHash},
        {"nonce", kNonce}, {"baseFeePerGas", kBaseFee}, {"withdrawalsRoot", kWithdrawalsRoot},
        {"blobGasUsed", kBlobGasUsed}, {"excessBlobGas", kExcessBlobGas},
        {"parentBeaconBlockRoot", kParentBeaconRoot}, {"requestsHash", kRequestsHash},
        {"blockAccessListHash", kAccessListHash}, {"slotNumber", kSlotNumber}, {"size", kSize},
        {"uncles", kUncles}, {"withdrawals", kWithdrawals}, {"transactions", kTransactions},
    });
}

KeyTable tx_keys() {
    using enum TxKey;
    return make_keys<TxKey>("tx", "transaction", {
        {"hash", kHash}, {"from", kFrom}, {"to", kTo}, {"type", kType}, {"nonce", kNonce}, {"gas", kGas},
        {"value", kValue}, {"input", kInput}, {"data", kData}, {"gasPrice", kGasPrice},
        {"maxFeePerGas", kMaxFee}, {"maxPriorityFeePerGas", kMaxPriorityFee},
        {"maxFeePerBlobGas", kMaxBlobFee}, {"chainId", kChainId}, {"v", kV}, {"yParity", kYParity},
        {"r", kR}, {"s", kS}, {"accessList", kAccessList}, {"blobVersionedHashes", kBlobHashes},
        {"authorizationList", kAuthorizations}, {"sourceHash", kSourceHash}, {"mint", kMint},
        {"isSystemTx", kIsSystem}, {"blockHash", kBlockHash}, {"blockNumber", kBlockNumber},
        {"transactionIndex", kIndex}, {"blockTimestamp", kBlockTimestamp}, {"creates", kCreates},
        {"raw", kRaw}, {"publicKey", kPublicKey}, {"standardV", kStandardV}, {"condition", kCondition},
    });
}

KeyTable receipt_keys() {
    using enum ReceiptKey;
    return make_keys<ReceiptKey>("receipt", "receipt", {
        {"status", kStatus}, {"root", kRoot}, {"cumulativeGasUsed", kCumulativeGasUsed},
        {"gasUsed", kGasUsed}, {"effectiveGasPrice", kEffectiveGasPrice},
        {"contractAddress", kContractAddress}, {"blobGasUsed", kBlobGasUsed},
        {"blobGasPrice", kBlobGasPrice}, {"depositNonce", kDepositNonce},
        {"depositReceiptVersion", kDepositVersion}, {"logs", kLogs}, {"logsBloom", kLogsBloom},
        {"blockHash", kBlockHash}, {"blockNumber", kBlockNumber}, {"transactionHash", kTxHash},
        {"transactionIndex", kTxIndex}, {"blockTimestamp", kBlockTimestamp}, {"from", kFrom}, {"to", kTo},
        {"type", kType},
    });
}

KeyTable log_keys() {
    using enum LogKey;
    return make_keys<LogKey>("log", "log", {
        {"address", kAddress}, {"topics", kTopics}, {"data", kData}, {"blockHash", kBlockHash},
        {"blockNumber", kBlockNumber}, {"transactionHash", kTxHash}, {"transactionIndex", kTxIndex},
        {"logIndex", kLogIndex}, {"removed", kRemoved}, {"blockTimestamp", kBlockTimestamp},
    });
}

KeyTable withdrawal_keys() {
    using enum WithdrawalKey;
    return make_keys<WithdrawalKey>("withdrawal", "withdrawal", {
        {"index", kIndex}, {"validatorIndex", kValidatorIndex}, {"address", kAddress}, {"amount", kAmount},
    });
}

KeyTable access_keys() {
    using enum AccessKey;
    return make_keys<AccessKey>("access_list", "access list entry", {
        {"address", kAddress}, {"storageKeys", kStorageKeys},
    });
}

KeyTable authorization_keys() {
    using enum AuthKey;
    return make_keys<AuthKey>("authorization", "authorization", {
        {"chainId", kChainId}, {"address", kAddress}, {"nonce", kNonce}, {"yParity", kYParity}, {"v", kV},
        {"r", kR}, {"s", kS},
    });
}
// clang-format on

}  // namespace amp::extract::evm_rpc
