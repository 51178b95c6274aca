// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "extract/evm_rpc/rows.hpp"

#include "base/log.hpp"

#include <arrow/builder.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <optional>
#include <span>

namespace amp::extract::evm_rpc {
namespace {

using columnar::TableBuilder;
using B = BlocksColumn;
using T = TransactionsColumn;
using L = LogsColumn;

constexpr std::uint64_t kSignedMax = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kIndexMax = std::numeric_limits<std::int32_t>::max();
// Declared times count nanoseconds in 63 bits: up to the year 2262.
constexpr std::uint64_t kSecondsMax = kSignedMax / 1'000'000'000;
constexpr std::uint64_t kGasPerBlob = 131'072;  // EIP-4844
constexpr std::uint32_t kBlobType = 3;
constexpr std::uint32_t kSetCodeType = 4;
constexpr std::uint32_t kDepositType = 0x7e;

bool is_legacy(std::uint32_t type) { return type == 0; }
bool is_typed(std::uint32_t type) { return type >= 1 && type <= 4; }
bool is_unknown(std::uint32_t type) { return type > 4; }
bool has_gas_price(std::uint32_t type) { return type <= 1; }
bool has_fee_caps(std::uint32_t type) { return type >= 2 && type <= 4; }

template <typename Values>
auto elements(const Values& all, evm::Slice slice) {
    return std::span(all).subspan(slice.first, slice.count);
}

template <typename Values>
bool holds(const Values& all, evm::Slice slice) {
    return slice.first <= all.size() && slice.count <= all.size() - slice.first;
}

// ---- Derived values, used by the check and by the rows alike.

std::optional<bool> v_parity(const evm::Transaction& txn) {
    if (is_legacy(txn.type)) {
        if (txn.v == Uint256(27) || txn.v == Uint256(28)) return txn.v == Uint256(28);
        if (txn.v < Uint256(35)) return false;
        return subtract(txn.v, 35).low64() % 2 == 1;
    }
    if (is_unknown(txn.type)) return txn.y_parity == 1U || txn.v == Uint256(1);
    const Uint256 parity = txn.y_parity ? Uint256(*txn.y_parity) : txn.v;
    if (parity > Uint256(1)) return std::nullopt;
    return parity == Uint256(1);
}

Uint256 half(const Uint256& value) {
    Uint256 out;
    for (std::size_t i = 0; i < 4; ++i)
        out.limbs[i] = value.limbs[i] >> 1 | (i < 3 ? value.limbs[i + 1] << 63 : 0);
    return out;
}

std::optional<Uint256> chain_id(const evm::Transaction& txn) {
    if (is_unknown(txn.type)) return std::nullopt;
    if (is_typed(txn.type)) return txn.chain_id;
    if (txn.v == Uint256(27) || txn.v == Uint256(28)) return std::nullopt;
    if (txn.v >= Uint256(35)) return half(subtract(txn.v, 35));
    return txn.chain_id;
}

// max_fee_per_gas has a value for every type of transaction.
std::optional<Uint256> max_fee(const evm::Transaction& txn) {
    if (has_gas_price(txn.type)) return txn.gas_price;
    return has_fee_caps(txn.type) ? txn.max_fee_per_gas : Uint256(0);
}

std::optional<Uint256> effective_gas_price(const evm::Header& header, const evm::Transaction& txn,
                                           const evm::Receipt& receipt) {
    if (receipt.effective_gas_price) return receipt.effective_gas_price;
    if (!has_fee_caps(txn.type)) return txn.gas_price;
    if (!header.base_fee_per_gas || !txn.max_fee_per_gas || !txn.max_priority_fee_per_gas)
        return std::nullopt;
    // base + min(tip, cap - base), without a difference that could go below zero.
    const auto price = checked_add(*header.base_fee_per_gas, *txn.max_priority_fee_per_gas);
    return price ? std::min(*price, *txn.max_fee_per_gas) : *txn.max_fee_per_gas;
}

bool fits_plain_list(const evm::Authorization& authorization) {
    return authorization.chain_id.fits_u64() && authorization.y_parity <= 1;
}

// ---- The check of a whole block.

class Checker {
  public:
    explicit Checker(const evm::Block& block) : block_(block), header_(block.header) {}

    Result<> common() const {
        TRY(limit("blocks", "block_num", header_.number, kSignedMax));
        return limit("blocks", "timestamp", header_.timestamp, kSecondsMax);
    }

    Result<> blocks() const {
        if (!header_.difficulty.fits_decimal38())
            return bad("blocks", "difficulty", header_.difficulty.to_decimal(), "is larger than 10^38 - 1");
        TRY(limit("blocks", "gas_used", header_.gas_used, kSignedMax));
        TRY(limit("blocks", "blob_gas_used", header_.blob_gas_used, kSignedMax));
        TRY(limit("blocks", "excess_blob_gas", header_.excess_blob_gas, kSignedMax));
        TRY(limit("blocks", "slot_number", header_.slot_number, kSignedMax));
        TRY(limit("blocks", "size", header_.size, kSignedMax));
        for (const evm::Withdrawal& withdrawal : block_.withdrawals) {
            TRY(limit("blocks", "withdrawals.index", withdrawal.index, kSignedMax));
            TRY(limit("blocks", "withdrawals.validator_index", withdrawal.validator_index, kSignedMax));
            TRY(limit("blocks", "withdrawals.amount", withdrawal.amount, kSignedMax));
        }
        return {};
    }

    /// The parts that rows of transactions and logs refer to.
    Result<> shape() const {
        if (block_.receipts.size() != block_.transactions.size())
            return broken("has {} transactions but {} receipts", block_.transactions.size(),
                          block_.receipts.size());
        if (block_.transactions.size() > kIndexMax || block_.logs.size() > kIndexMax)
            return broken("has too many transactions or logs");
        return {};
    }

    Result<> transactions() const {
        for (std::size_t i = 0; i < block_.transactions.size(); ++i)
            TRY(transaction(i, block_.transactions[i], block_.receipts[i]));
        return {};
    }

    Result<> logs() const {
        for (const evm::Log& log : block_.logs) {
            if (log.tx_index >= block_.transactions.size())
                return broken("has a log of the absent transaction {}", log.tx_index);
            if (log.topic_count > 4)
                return bad("logs", "topic0", log.topic_count, fmt::format("topics in log {}", log.log_index));
            TRY(limit("logs", "log_index", log.log_index, kIndexMax));
        }
        return {};
    }

  private:
    template <typename Value>
    Error bad(std::string_view table, std::string_view column, const Value& value,
              std::string_view why) const {
        return make_error(Code::kCorruption, "block {}: table {}, column {}: {} {}", header_.number, table,
                          column, value, why);
    }

    template <typename... Args>
    Error broken(fmt::format_string<Args...> format, Args&&... args) const {
        return make_error(Code::kInternal, "block {} {}", header_.number,
                          fmt::format(format, std::forward<Args>(args)...));
    }

    Result<> limit(std::string_view table, std::string_view column, std::optional<std::uint64_t> value,
                   std::uint64_t max) const {
        if (!value || *value <= max) [[likely]]
            return {};
        return bad(table, column, *value, fmt::format("is larger than {}", max));
    }

    Result<> limit_in(std::size_t index, std::string_view column, std::optional<std::uint64_t> value,
                      std::uint64_t max) const {
        if (!value || *value <= max) [[likely]]
            return {};
        return bad("transactions", column, *value,
                   fmt::format("in transaction {} is larger than {}", index, max));
    }

    Result<> transaction(std::size_t index, const evm::Transaction& txn, const evm::Receipt& receipt) const {
        TRY(limit_in(index, "nonce", txn.nonce, kSignedMax));
        TRY(limit_in(index, "type", txn.type, kIndexMax));
        TRY(limit_in(index, "cumulative_gas_used", receipt.cumulative_gas_used, kSignedMax));
        TRY(limit_in(index, "tx_gas_used", receipt.gas_used, kSignedMax));
        if (txn.type == kBlobType) TRY(limit_in(index, "blob_gas_used", receipt.blob_gas_used, kSignedMax));
        if (txn.type == kDepositType) {
            TRY(limit_in(index, "deposit_nonce", receipt.deposit_nonce, kSignedMax));
            TRY(limit_in(index, "deposit_receipt_version", receipt.deposit_receipt_version, kSignedMax));
        }
        if (!receipt.status && !receipt.root)
            return make_error(Code::kCorruption,
                              "block {}: table transactions, column status: the receipt of transaction {} "
                              "has neither status nor "
                              "root",
                              header_.number, index);
        if (!v_parity(txn))
            return bad("transactions", "v_parity",
                       txn.y_parity ? Uint256(*txn.y_parity).to_decimal() : txn.v.to_decimal(),
                       fmt::format("in transaction {} of type {} is neither 0 nor 1", index, txn.type));
        if (const auto id = chain_id(txn); id && !id->fits_u64())
            return bad("transactions", "chain_id", id->to_decimal(),
                       fmt::format("in transaction {} is larger than 2^64 - 1", index));
        return slices(index, txn);
    }

    Result<> slices(std::size_t index, const evm::Transaction& txn) const {
        bool valid = holds(block_.access_entries, txn.access_list) &&
                     holds(block_.blob_hashes, txn.blob_hashes) &&
                     holds(block_.authorizations, txn.authorizations);
        if (valid)
            for (const evm::AccessEntry& entry : elements(block_.access_entries, txn.access_list))
                valid = valid && holds(block_.storage_keys, entry.storage_keys);
        if (valid) return {};
        return broken("has a list of transaction {} that ends outside of it", index);
    }

    const evm::Block& block_;
    const evm::Header& header_;
};

// ---- Nested values.

// Builders fail for want of memory only.
void must(const arrow::Status& status) {
    if (status.ok()) [[likely]]
        return;
    log::error("extract",
               "out of memory while collecting rows; lower the batch size or give the process more memory",
               {{"error", status.message()}});
    std::abort();
}

template <typename Builder>
Builder& child(arrow::ArrayBuilder& builder, int index) {
    return static_cast<Builder&>(*builder.child(index));
}

void append_hashes(arrow::ListBuilder& list, std::span<const Hash32> hashes) {
    must(list.Append());
    auto& values = static_cast<arrow::FixedSizeBinaryBuilder&>(*list.value_builder());
    for (const Hash32& hash : hashes) must(values.Append(hash.data()));
}

void append_hashes(TableBuilder& table, int column, std::span<const Hash32> hashes) {
    append_hashes(static_cast<arrow::ListBuilder&>(table.nested(column)), hashes);
}

// Starts a list of structs in this row and returns the builder of the structs.
arrow::StructBuilder& begin_list(TableBuilder& table, int column) {
    auto& list = static_cast<arrow::ListBuilder&>(table.nested(column));
    must(list.Append());
    return static_cast<arrow::StructBuilder&>(*list.value_builder());
}

// Unsigned numbers are stored as the signed ones with the same bits.
std::int64_t bits(std::uint64_t value) { return static_cast<std::int64_t>(value); }

void append_withdrawals(TableBuilder& table, std::span<const evm::Withdrawal> withdrawals) {
    auto& entry = begin_list(table, B::kWithdrawals);
    for (const evm::Withdrawal& withdrawal : withdrawals) {
        must(entry.Append());
        must(child<arrow::Int64Builder>(entry, 0).Append(bits(withdrawal.index)));
        must(child<arrow::Int64Builder>(entry, 1).Append(bits(withdrawal.validator_index)));
        must(child<arrow::FixedSizeBinaryBuilder>(entry, 2).Append(withdrawal.address.data()));
        must(child<arrow::Int64Builder>(entry, 3).Append(bits(withdrawal.amount)));
    }
}

void append_access_list(TableBuilder& table, const evm::Block& block, evm::Slice slice) {
    auto& entry = begin_list(table, T::kAccessList);
    for (const evm::AccessEntry& access : elements(block.access_entries, slice)) {
        must(entry.Append());
        must(child<arrow::FixedSizeBinaryBuilder>(entry, 0).Append(access.address.data()));
        append_hashes(child<arrow::ListBuilder>(entry, 1), elements(block.storage_keys, access.storage_keys));
    }
}

// The members that both forms of the list share.
void append_authorization_tail(arrow::StructBuilder& entry, const evm::Authorization& authorization) {
    must(child<arrow::FixedSizeBinaryBuilder>(entry, 1).Append(authorization.address.data()));
    must(child<arrow::Int64Builder>(entry, 2).Append(bits(authorization.nonce)));
    must(child<arrow::FixedSizeBinaryBuilder>(entry, 4).Append(authorization.r.to_big_endian().data()));
    must(child<arrow::FixedSizeBinaryBuilder>(entry, 5).Append(authorization.s.to_big_endian().data()));
}

void append_authorizations(TableBuilder& table, std::span<const evm::Authorization> list) {
    if (std::all_of(list.begin(), list.end(), fits_plain_list)) {
        auto& entry = begin_list(table, T::kAuthorizationList);
        for (const evm::Authorization& authorization : list) {
            must(entry.Append());
            must(child<arrow::Int64Builder>(entry, 0).Append(bits(authorization.chain_id.low64())));
            must(child<arrow::BooleanBuilder>(entry, 3).Append(authorization.y_parity == 1));
            append_authorization_tail(entry, authorization);
        }
        return table.null(T::kAuthorizationListOverflow);
    }
    auto& entry = begin_list(table, T::kAuthorizationListOverflow);
    for (const evm::Authorization& authorization : list) {
        must(entry.Append());
        must(child<arrow::FixedSizeBinaryBuilder>(entry, 0).Append(
            authorization.chain_id.to_big_endian().data()));
        must(child<arrow::Int32Builder>(entry, 3).Append(authorization.y_parity));
        append_authorization_tail(entry, authorization);
    }
    table.null(T::kAuthorizationList);
}

// ---- Optional values of one column.

void put_u64(TableBuilder& table, int column, const std::optional<std::uint64_t>& value) {
    value ? table.u64(column, *value) : table.null(column);
}

void put_hash(TableBuilder& table, int column, const std::optional<Hash32>& value) {
    value ? table.hash(column, *value) : table.null(column);
}

void put_address(TableBuilder& table, int column, const std::optional<Address>& value) {
    value ? table.address(column, *value) : table.null(column);
}

void put_text(TableBuilder& table, int column, std::string_view value) {
    value.empty() ? table.null(column) : table.text(column, value);
}

// ---- Rows.

void append_block(TableBuilder& out, const evm::Block& block) {
    const evm::Header& header = block.header;
    out.u64(B::kBlockNumKey, header.number);
    out.u64(B::kBlockNum, header.number);
    out.timestamp_seconds(B::kTimestamp, header.timestamp);
    out.hash(B::kHash, header.hash);
    out.hash(B::kParentHash, header.parent_hash);
    out.hash(B::kOmmersHash, header.ommers_hash);
    out.address(B::kMiner, header.miner);
    out.hash(B::kStateRoot, header.state_root);
    out.hash(B::kTransactionsRoot, header.transactions_root);
    out.hash(B::kReceiptRoot, header.receipts_root);
    out.binary(B::kLogsBloom, header.logs_bloom.view());
    out.decimal(B::kDifficulty, header.difficulty);
    out.decimal_or_overflow(B::kTotalDifficulty, B::kTotalDifficultyOverflow, header.total_difficulty);
    out.u64(B::kGasLimit, header.gas_limit);
    out.u64(B::kGasUsed, header.gas_used);
    out.binary(B::kExtraData, header.extra_data);
    out.hash(B::kMixHash, header.mix_hash);
    out.u64(B::kNonce, header.nonce);
    out.decimal_or_overflow(B::kBaseFeePerGas, B::kBaseFeePerGasOverflow, header.base_fee_per_gas);
    put_hash(out, B::kWithdrawalsRoot, header.withdrawals_root);
    put_u64(out, B::kBlobGasUsed, header.blob_gas_used);
    put_u64(out, B::kExcessBlobGas, header.excess_blob_gas);
    put_hash(out, B::kParentBeaconRoot, header.parent_beacon_root);
    put_hash(out, B::kRequestsHash, header.requests_hash);
    put_u64(out, B::kSize, header.size == 0U ? std::nullopt : header.size);
    header.has_uncles ? append_hashes(out, B::kUncleHashes, block.uncle_hashes) : out.null(B::kUncleHashes);
    header.has_withdrawals&& header.withdrawals_root ? append_withdrawals(out, block.withdrawals)
                                                     : out.null(B::kWithdrawals);
    put_hash(out, B::kBlockAccessListHash, header.block_access_list_hash);
    put_u64(out, B::kSlotNumber, header.slot_number);
    out.null(B::kDetailLevel);
    put_text(out, B::kExtraJson, header.extra_json);
}

void append_envelope(TableBuilder& out, const evm::Block& block, const evm::Transaction& txn) {
    put_address(out, T::kTo, txn.to);
    out.u64(T::kNonce, txn.nonce);
    out.decimal_or_overflow(T::kGasPrice, T::kGasPriceOverflow,
                            has_gas_price(txn.type) ? txn.gas_price : std::nullopt);
    out.u64(T::kGasLimit, txn.gas);
    out.text(T::kValue, txn.value.to_decimal());
    txn.value.fits_decimal38() ? out.decimal(T::kValueDec, txn.value) : out.null(T::kValueDec);
    out.binary(T::kInput, txn.input);
    out.hash(T::kR, txn.r.to_big_endian());
    out.hash(T::kS, txn.s.to_big_endian());
    out.boolean(T::kVParity, *v_parity(txn));
    const auto id = chain_id(txn);
    id ? out.u64(T::kChainId, id->low64()) : out.null(T::kChainId);
    out.i32(T::kType, static_cast<std::int32_t>(txn.type));
    out.decimal_or_overflow(T::kMaxFeePerGas, T::kMaxFeePerGasOverflow, max_fee(txn));
    out.decimal_or_overflow(T::kMaxPriorityFeePerGas, T::kMaxPriorityFeePerGasOverflow,
                            has_fee_caps(txn.type) ? txn.max_priority_fee_per_gas : std::nullopt);
    out.decimal_or_overflow(T::kMaxFeePerBlobGas, T::kMaxFeePerBlobGasOverflow,
                            txn.type == kBlobType ? txn.max_fee_per_blob_gas : std::nullopt);
    out.address(T::kFrom, txn.from);
    // An absent list is encoded like an empty one, so the transaction's hash proves that it was empty.
    is_typed(txn.type) ? append_access_list(out, block, txn.access_list) : out.null(T::kAccessList);
    if (txn.type == kBlobType) {
        append_hashes(out, T::kBlobVersionedHashes, elements(block.blob_hashes, txn.blob_hashes));
    } else {
        out.null(T::kBlobVersionedHashes);
    }
    if (txn.type == kSetCodeType) {
        append_authorizations(out, elements(block.authorizations, txn.authorizations));
    } else {
        out.null(T::kAuthorizationList);
        out.null(T::kAuthorizationListOverflow);
    }
}

void append_receipt(TableBuilder& out, const evm::Header& header, const evm::Transaction& txn,
                    const evm::Receipt& receipt) {
    out.u64(T::kGasUsed, receipt.cumulative_gas_used);
    out.u64(T::kCumulativeGasUsed, receipt.cumulative_gas_used);
    out.u64(T::kTxGasUsed, receipt.gas_used);
    out.boolean(T::kStatus, receipt.status.value_or(true));
    put_hash(out, T::kStateRoot, receipt.status ? std::nullopt : receipt.root);
    out.decimal_or_overflow(T::kEffectiveGasPrice, T::kEffectiveGasPriceOverflow,
                            effective_gas_price(header, txn, receipt));
    const bool created = receipt.contract_address && !receipt.contract_address->is_zero();
    put_address(out, T::kContractAddress, created ? receipt.contract_address : std::nullopt);
    const bool blob = txn.type == kBlobType;
    if (blob) {
        out.u64(T::kBlobGasUsed, receipt.blob_gas_used.value_or(kGasPerBlob * txn.blob_hashes.count));
    } else {
        out.null(T::kBlobGasUsed);
    }
    out.decimal_or_overflow(T::kBlobGasPrice, T::kBlobGasPriceOverflow,
                            blob ? receipt.blob_gas_price : std::nullopt);
}

void append_deposit(TableBuilder& out, const evm::Transaction& txn, const evm::Receipt& receipt) {
    if (txn.type != kDepositType) {
        for (const int column : {T::kDepositSourceHash, T::kDepositMint, T::kDepositMintOverflow,
                                 T::kDepositIsSystem, T::kDepositNonce, T::kDepositReceiptVersion})
            out.null(column);
        return;
    }
    put_hash(out, T::kDepositSourceHash, txn.source_hash);
    out.decimal_or_overflow(T::kDepositMint, T::kDepositMintOverflow, txn.mint.value_or(Uint256(0)));
    out.boolean(T::kDepositIsSystem, txn.is_system);
    put_u64(out, T::kDepositNonce, receipt.deposit_nonce);
    put_u64(out, T::kDepositReceiptVersion, receipt.deposit_receipt_version);
}

void append_transactions(TableBuilder& out, const evm::Block& block) {
    const evm::Header& header = block.header;
    for (std::size_t i = 0; i < block.transactions.size(); ++i) {
        const evm::Transaction& txn = block.transactions[i];
        const evm::Receipt& receipt = block.receipts[i];
        out.u64(T::kBlockNumKey, header.number);
        out.hash(T::kBlockHash, header.hash);
        out.u64(T::kBlockNum, header.number);
        out.timestamp_seconds(T::kTimestamp, header.timestamp);
        out.u32(T::kTxIndex, static_cast<std::uint32_t>(i));
        out.hash(T::kTxHash, txn.hash);
        append_envelope(out, block, txn);
        append_receipt(out, header, txn, receipt);
        append_deposit(out, txn, receipt);
        put_text(out, T::kExtraJson, txn.extra_json);
    }
}

void append_logs(TableBuilder& out, const evm::Block& block) {
    const evm::Header& header = block.header;
    for (const evm::Log& log : block.logs) {
        out.u64(L::kBlockNumKey, header.number);
        out.hash(L::kBlockHash, header.hash);
        out.u64(L::kBlockNum, header.number);
        out.timestamp_seconds(L::kTimestamp, header.timestamp);
        out.hash(L::kTxHash, block.transactions[log.tx_index].hash);
        out.u32(L::kTxIndex, log.tx_index);
        out.u32(L::kLogIndex, log.log_index);
        out.address(L::kAddress, log.address);
        for (int i = 0; i < 4; ++i) {
            if (i < log.topic_count) {
                out.hash(L::kTopic0 + i, log.topics[static_cast<std::size_t>(i)]);
            } else {
                out.null(L::kTopic0 + i);
            }
        }
        out.binary(L::kData, log.data);
        put_text(out, L::kExtraJson, log.extra_json);
    }
}

}  // namespace

RowWriter::RowWriter(const std::vector<std::string>& tables) {
    for (const columnar::TableSpec& spec : columnar::tables_of("evm-rpc"))
        if (std::find(tables.begin(), tables.end(), spec.name) != tables.end()) builders_.emplace_back(spec);
    blocks_ = builder("blocks");
    transactions_ = builder("transactions");
    logs_ = builder("logs");
}

Result<> RowWriter::append(const evm::Block& block) {
    const Checker checker(block);
    TRY(checker.common());
    if (blocks_ != nullptr) TRY(checker.blocks());
    if (transactions_ != nullptr || logs_ != nullptr) TRY(checker.shape());
    if (transactions_ != nullptr) TRY(checker.transactions());
    if (logs_ != nullptr) TRY(checker.logs());

    if (blocks_ != nullptr) append_block(*blocks_, block);
    if (transactions_ != nullptr) append_transactions(*transactions_, block);
    if (logs_ != nullptr) append_logs(*logs_, block);
    return {};
}

TableBuilder* RowWriter::builder(std::string_view table) {
    for (TableBuilder& builder : builders_)
        if (builder.spec().name == table) return &builder;
    return nullptr;
}

}  // namespace amp::extract::evm_rpc
