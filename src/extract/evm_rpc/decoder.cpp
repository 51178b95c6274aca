// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "extract/evm_rpc/decoder.hpp"

#include "extract/evm_rpc/object_reader.hpp"
#include "extract/evm_rpc/receipt_reader.hpp"
#include "extract/evm_rpc/transaction_reader.hpp"

#include <algorithm>
#include <utility>

namespace amp::extract::evm_rpc {

class BlockDecoder::State {
  public:
    Result<> decode(std::string_view block_json, std::optional<std::string_view> receipts_json,
                    const DecodeOptions& options, evm::Block& out);
    Result<> decode_header(std::string_view block_json, evm::Block& out);
    const DecodeCounters& counters();

  private:
    using Value = ObjectReader::Value;

    void begin(evm::Block& out, const DecodeOptions& options, bool any_number);
    bool read_block(std::string_view json);
    bool read_block_field(BlockKey key, std::string_view token, Value& value);
    bool finish_header(const ObjectReader::Scope& scope);
    bool read_withdrawals(Value& value);
    void compose_extras();

    KeyTable block_keys_ = block_keys();
    KeyTable withdrawal_keys_ = withdrawal_keys();
    ObjectReader json_;
    BlockContext block_;
    TransactionReader transactions_{json_, block_};
    ReceiptReader receipts_{json_, block_};
    bool any_number_ = false;  // decode_header: options.expected_number says nothing
    Address author_;           // used if there is no miner
    std::string scratch_;
};

bool BlockDecoder::State::read_block(std::string_view json) {
    if (is_null_token(trim_json(json)))
        return json_.fail(Code::kUnavailable, "NULL_BLOCK", "is unknown to the node (null answer)");
    ondemand::object object;
    if (!json_.parse(json, "") || !json_.root_object(object)) return false;
    ObjectReader::Scope scope(json_, block_keys_, 0);
    const bool ok =
        json_.walk<BlockKey>(object, scope, [this](BlockKey key, std::string_view token, Value& value) {
            return read_block_field(key, token, value);
        });
    return ok && json_.at_end() && finish_header(scope);
}

bool BlockDecoder::State::read_block_field(BlockKey key, std::string_view token, Value& value) {
    using enum BlockKey;
    evm::Header& header = block_.out->header;
    switch (key) {
        case kNumber:
            if (!json_.u64(token, header.number)) return false;
            return any_number_ || header.number == block_.options.expected_number ||
                   json_.bad("is {}, but block {} was requested", header.number,
                             block_.options.expected_number);
        case kHash:
            return read_block_hash(json_, block_, token) && json_.fixed(token, header.hash);
        case kParentHash:
            return json_.fixed(token, header.parent_hash);
        case kOmmersHash:
            return json_.fixed(token, header.ommers_hash);
        case kMiner:
            return json_.fixed(token, header.miner);
        case kAuthor:
            return json_.fixed(token, author_);
        case kStateRoot:
            return json_.fixed(token, header.state_root);
        case kTransactionsRoot:
            return json_.fixed(token, header.transactions_root);
        case kReceiptsRoot:
            return json_.fixed(token, header.receipts_root);
        case kLogsBloom:
            return json_.fixed(token, header.logs_bloom);
        case kDifficulty:
            if (!json_.u256(token, header.difficulty)) return false;
            return header.difficulty.fits_decimal38() ||
                   json_.bad("exceeds 38 decimal digits: {}", excerpt(token));
        case kTotalDifficulty:
            return json_.u256(token, header.total_difficulty);
        case kGasLimit:
            return json_.u64(token, header.gas_limit, kFull64);
        case kGasUsed:
            return json_.u64(token, header.gas_used);
        case kTimestamp:
            return json_.u64(token, header.timestamp, kSecondsMax);
        case kExtraData:
            return json_.data(token, header.extra_data);
        case kMixHash:
            return json_.fixed(token, header.mix_hash);
        case kNonce:
            return json_.u64(token, header.nonce, kFull64);
        case kBaseFee:
            return json_.u256(token, header.base_fee_per_gas);
        case kWithdrawalsRoot:
            return json_.fixed_or_empty(token, header.withdrawals_root);
        case kBlobGasUsed:
            return json_.u64(token, header.blob_gas_used);
        case kExcessBlobGas:
            return json_.u64(token, header.excess_blob_gas);
        case kParentBeaconRoot:
            return json_.fixed_or_empty(token, header.parent_beacon_root);
        case kRequestsHash:
            return json_.fixed_or_empty(token, header.requests_hash);
        case kAccessListHash:
            return json_.fixed_or_empty(token, header.block_access_list_hash);
        case kSlotNumber:
            return json_.u64(token, header.slot_number);
        case kSize:
            return json_.u64(token, header.size);
        case kUncles:
            return json_.hashes(value, block_.out->uncle_hashes, nullptr);
        case kWithdrawals:
            return read_withdrawals(value);
        case kTransactions:
            return !block_.options.full_transactions || transactions_.read_transactions(value);
    }
    return true;
}

bool BlockDecoder::State::finish_header(const ObjectReader::Scope& scope) {
    using enum BlockKey;
    constexpr std::uint64_t kRequired = mask_of(kNumber, kHash, kParentHash, kTimestamp, kStateRoot,
                                                kTransactionsRoot, kReceiptsRoot, kGasUsed);
    if (!json_.require(scope, kRequired | (block_.options.full_transactions ? mask_of(kTransactions) : 0)))
        return false;
    evm::Header& header = block_.out->header;
    if (!scope.has(kMiner) && scope.has(kAuthor)) header.miner = author_;
    const bool has_miner = scope.has(kMiner) || scope.has(kAuthor);
    header.unverifiable_header =
        !scope.has(kOmmersHash) || !scope.has(kLogsBloom) || !scope.has(kGasLimit) || !has_miner;
    if (header.size == 0U) header.size.reset();
    header.has_uncles = scope.has(kUncles);
    header.has_withdrawals = scope.has(kWithdrawals);
    return json_.take_extras(scope, "block", header.extra_json);
}

bool BlockDecoder::State::read_withdrawals(Value& value) {
    using enum WithdrawalKey;
    return json_.each(value, [this](Value& element) {
        ObjectReader::Scope scope(json_, withdrawal_keys_, block_.out->withdrawals.size());
        evm::Withdrawal& withdrawal = block_.out->withdrawals.emplace_back();
        const auto on_field = [&](WithdrawalKey key, std::string_view token, Value&) {
            switch (key) {
                case kIndex:
                    return json_.u64(token, withdrawal.index);
                case kValidatorIndex:
                    return json_.u64(token, withdrawal.validator_index);
                case kAddress:
                    return json_.fixed(token, withdrawal.address);
                case kAmount:
                    return json_.u64(token, withdrawal.amount);
            }
            return true;
        };
        std::string_view unused;
        return json_.walk_element<WithdrawalKey>(element, scope, on_field) &&
               json_.require(scope, mask_of(kIndex, kValidatorIndex, kAddress, kAmount)) &&
               json_.take_extras(scope, "", unused);
    });
}

// {"receipt":..,"tx":..} from what the transactions and receipts have left over.
void BlockDecoder::State::compose_extras() {
    auto& tx_extras = transactions_.extras();
    auto& receipt_extras = receipts_.extras();
    const std::size_t count = std::max(tx_extras.size(), receipt_extras.size());
    tx_extras.resize(count);
    receipt_extras.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
        std::string_view separator = "{";
        scratch_.clear();
        for (const auto& [name, text] :
             {std::pair{"\"receipt\":", receipt_extras[i]}, {"\"tx\":", tx_extras[i]}}) {
            if (text.empty()) continue;
            scratch_.append(separator).append(name).append(text);
            separator = ",";
        }
        if (scratch_.empty()) continue;
        scratch_.push_back('}');
        block_.out->transactions[i].extra_json = block_.out->arena.copy(std::string_view(scratch_));
    }
}

void BlockDecoder::State::begin(evm::Block& out, const DecodeOptions& options, bool any_number) {
    out.clear();
    block_ = {.out = &out, .options = options};
    any_number_ = any_number;
    json_.begin(out.arena, any_number ? "block header" : fmt::format("block {}", options.expected_number));
    transactions_.begin();
    receipts_.begin();
}

Result<> BlockDecoder::State::decode(std::string_view block_json,
                                     std::optional<std::string_view> receipts_json,
                                     const DecodeOptions& options, evm::Block& out) {
    if (receipts_json && !options.full_transactions)
        return make_error(Code::kInvalidArgument,
                          "block {}: receipts can only be decoded with full transactions",
                          options.expected_number);
    begin(out, options, false);
    if (!read_block(block_json)) return json_.take_error();
    if (receipts_json && !receipts_.read_receipts(*receipts_json)) return json_.take_error();
    compose_extras();
    json_.count_block(block_.renumbered, block_.gas_mismatch);
    return {};
}

Result<> BlockDecoder::State::decode_header(std::string_view block_json, evm::Block& out) {
    begin(out, {.full_transactions = false}, true);
    if (!read_block(block_json)) return json_.take_error();
    return {};
}

const DecodeCounters& BlockDecoder::State::counters() { return json_.counters(); }

BlockDecoder::BlockDecoder() : state_(std::make_unique<State>()) {}
BlockDecoder::~BlockDecoder() = default;

Result<> BlockDecoder::decode(std::string_view block_json, std::optional<std::string_view> receipts_json,
                              const DecodeOptions& options, evm::Block& out) {
    return state_->decode(block_json, receipts_json, options, out);
}

Result<> BlockDecoder::decode_header(std::string_view block_json, evm::Block& out) {
    return state_->decode_header(block_json, out);
}

const DecodeCounters& BlockDecoder::counters() const { return state_->counters(); }

}  // namespace amp::extract::evm_rpc
