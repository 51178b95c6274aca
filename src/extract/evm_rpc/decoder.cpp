// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "extract/evm_rpc/decoder.hpp"

#include "extract/evm_rpc/canonical_json.hpp"
#include "extract/evm_rpc/json_token.hpp"
#include "extract/evm_rpc/key_table.hpp"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <initializer_list>
#include <limits>
#include <utility>

namespace amp::extract::evm_rpc {
namespace {

namespace ondemand = simdjson::ondemand;

// Columns of type u64 and u32 are stored as signed integers (raw tables reference, 1.2).
constexpr std::uint64_t kSigned64 = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kSigned32 = std::numeric_limits<std::int32_t>::max();
constexpr std::uint64_t kFull64 = std::numeric_limits<std::uint64_t>::max();
// Times are declared in signed nanoseconds.
constexpr std::uint64_t kSecondsMax = kSigned64 / 1'000'000'000;

constexpr std::uint32_t kLastStandardType = 4;

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

template <typename... Id>
constexpr std::uint64_t mask_of(Id... ids) {
    return ((std::uint64_t{1} << static_cast<unsigned>(ids)) | ...);
}

// clang-format off
enum class BlockKey : std::uint8_t {
    kNumber, kHash, kParentHash, kOmmersHash, kMiner, kAuthor, kStateRoot, kTransactionsRoot, kReceiptsRoot, kLogsBloom,
    kDifficulty, kTotalDifficulty, kGasLimit, kGasUsed, kTimestamp, kExtraData, kMixHash, kNonce, kBaseFee,
    kWithdrawalsRoot, kBlobGasUsed, kExcessBlobGas, kParentBeaconRoot, kRequestsHash, kAccessListHash, kSlotNumber,
    kSize, kUncles, kWithdrawals, kTransactions,
};

enum class TxKey : std::uint8_t {
    kHash, kFrom, kTo, kType, kNonce, kGas, kValue, kInput, kData, kGasPrice, kMaxFee, kMaxPriorityFee, kMaxBlobFee,
    kChainId, kV, kYParity, kR, kS, kAccessList, kBlobHashes, kAuthorizations, kSourceHash, kMint, kIsSystem,
    kBlockHash, kBlockNumber, kIndex, kBlockTimestamp, kCreates, kRaw, kPublicKey, kStandardV, kCondition, kCount,
};

enum class ReceiptKey : std::uint8_t {
    kStatus, kRoot, kCumulativeGasUsed, kGasUsed, kEffectiveGasPrice, kContractAddress, kBlobGasUsed, kBlobGasPrice,
    kDepositNonce, kDepositVersion, kLogs, kLogsBloom, kBlockHash, kBlockNumber, kTxHash, kTxIndex,
    kBlockTimestamp, kFrom, kTo, kType,
};

enum class LogKey : std::uint8_t {
    kAddress, kTopics, kData, kBlockHash, kBlockNumber, kTxHash, kTxIndex, kLogIndex, kRemoved, kBlockTimestamp,
};

enum class WithdrawalKey : std::uint8_t { kIndex, kValidatorIndex, kAddress, kAmount };
enum class AccessKey : std::uint8_t { kAddress, kStorageKeys };
enum class AuthKey : std::uint8_t { kChainId, kAddress, kNonce, kYParity, kV, kR, kS };

KeyTable block_keys() {
    using enum BlockKey;
    return make_keys<BlockKey>("block", "", {
        {"number", kNumber}, {"hash", kHash}, {"parentHash", kParentHash}, {"sha3Uncles", kOmmersHash},
        {"miner", kMiner}, {"author", kAuthor}, {"stateRoot", kStateRoot}, {"transactionsRoot", kTransactionsRoot},
        {"receiptsRoot", kReceiptsRoot}, {"logsBloom", kLogsBloom}, {"difficulty", kDifficulty},
        {"totalDifficulty", kTotalDifficulty}, {"gasLimit", kGasLimit}, {"gasUsed", kGasUsed},
        {"timestamp", kTimestamp}, {"extraData", kExtraData}, {"mixHash", kMixHash}, {"nonce", kNonce},
        {"baseFeePerGas", kBaseFee}, {"withdrawalsRoot", kWithdrawalsRoot}, {"blobGasUsed", kBlobGasUsed},
        {"excessBlobGas", kExcessBlobGas}, {"parentBeaconBlockRoot", kParentBeaconRoot},
        {"requestsHash", kRequestsHash}, {"blockAccessListHash", kAccessListHash}, {"slotNumber", kSlotNumber},
        {"size", kSize}, {"uncles", kUncles}, {"withdrawals", kWithdrawals}, {"transactions", kTransactions},
    });
}

KeyTable tx_keys() {
    using enum TxKey;
    return make_keys<TxKey>("tx", "transaction", {
        {"hash", kHash}, {"from", kFrom}, {"to", kTo}, {"type", kType}, {"nonce", kNonce}, {"gas", kGas},
        {"value", kValue}, {"input", kInput}, {"data", kData}, {"gasPrice", kGasPrice}, {"maxFeePerGas", kMaxFee},
        {"maxPriorityFeePerGas", kMaxPriorityFee}, {"maxFeePerBlobGas", kMaxBlobFee}, {"chainId", kChainId},
        {"v", kV}, {"yParity", kYParity}, {"r", kR}, {"s", kS}, {"accessList", kAccessList},
        {"blobVersionedHashes", kBlobHashes}, {"authorizationList", kAuthorizations}, {"sourceHash", kSourceHash},
        {"mint", kMint}, {"isSystemTx", kIsSystem}, {"blockHash", kBlockHash}, {"blockNumber", kBlockNumber},
        {"transactionIndex", kIndex}, {"blockTimestamp", kBlockTimestamp}, {"creates", kCreates}, {"raw", kRaw},
        {"publicKey", kPublicKey}, {"standardV", kStandardV}, {"condition", kCondition},
    });
}

KeyTable receipt_keys() {
    using enum ReceiptKey;
    return make_keys<ReceiptKey>("receipt", "receipt", {
        {"status", kStatus}, {"root", kRoot}, {"cumulativeGasUsed", kCumulativeGasUsed}, {"gasUsed", kGasUsed},
        {"effectiveGasPrice", kEffectiveGasPrice}, {"contractAddress", kContractAddress},
        {"blobGasUsed", kBlobGasUsed}, {"blobGasPrice", kBlobGasPrice}, {"depositNonce", kDepositNonce},
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

std::string_view trim_json(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    return first == std::string_view::npos ? std::string_view{} : trim_token(text.substr(first));
}

}  // namespace

// The methods return false after fail() has built the error: a Result would be written to memory once per
// field.
class BlockDecoder::State {
  public:
    Result<> decode(std::string_view block_json, std::optional<std::string_view> receipts_json,
                    const DecodeOptions& options, evm::Block& out);
    Result<> decode_header(std::string_view block_json, evm::Block& out);
    const DecodeCounters& counters() const { return counters_; }

  private:
    using Value = ondemand::value;

    // One level of the way from the document to the field being read.
    struct Frame {
        KeyTable* keys = nullptr;
        std::size_t index = 0;
        std::uint8_t key = KeyTable::kUnknown;
    };

    // What a receipt or a log says about where it belongs.
    struct Identity {
        std::optional<Hash32> block_hash;
        std::optional<std::uint64_t> block_number;
        std::optional<Hash32> tx_hash;
        std::optional<std::uint64_t> tx_index;
    };

    // The object being read: its frame, the fields it had, and where its unknown fields begin in extras_.
    class Scope {
      public:
        Scope(State& state, KeyTable& keys, std::size_t index)
            : state_(state), extras_begin_(state.extras_.size()) {
            state_.frames_[state_.depth_++] = {.keys = &keys, .index = index};
        }
        ~Scope() {
            --state_.depth_;
            state_.extras_.resize(extras_begin_);
        }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

        KeyTable& keys() const { return *state_.frames_[state_.depth_ - 1].keys; }
        std::size_t extras_begin() const { return extras_begin_; }
        template <typename Id>
        bool has(Id id) const {
            return (present_ & mask_of(id)) != 0;
        }

        std::uint64_t present_ = 0;

      private:
        State& state_;
        std::size_t extras_begin_;
    };

    void begin(evm::Block& out, const DecodeOptions& options, bool any_number);
    bool parse(std::string_view json);
    bool at_end();

    bool fail(Code code, std::string_view reason, std::string_view problem);
    template <typename... Args>
    bool bad(fmt::format_string<Args...> format, Args&&... args) {
        return fail(Code::kCorruption, "BAD_DATA", fmt::format(format, std::forward<Args>(args)...));
    }
    bool bad_json(simdjson::error_code error) {
        return bad("is not valid JSON ({})", simdjson::error_message(error));
    }
    // For checks after an object has been read: names this field, or none.
    template <typename Id>
    void point_at(Id id) {
        frames_[depth_ - 1].key = static_cast<std::uint8_t>(id);
    }
    void point_at_object() { frames_[depth_ - 1].key = KeyTable::kUnknown; }

    template <typename Id, typename OnField>
    bool walk(ondemand::object& object, Scope& scope, OnField&& on_field);
    template <typename OnElement>
    bool each(Value& value, OnElement&& on_element);
    template <typename OnElement>
    bool each_of(ondemand::array& array, OnElement&& on_element);
    template <typename Id, typename OnField>
    bool walk_element(Value& element, Scope& scope, OnField&& on_field);
    bool look_up(KeyTable& keys, std::uint8_t previous, ondemand::field& field, std::uint8_t& id);
    bool add_unknown(const KeyTable& keys, std::string_view key, std::string_view token, Value& value);
    void count_unknown(const KeyTable& keys, std::string_view key);
    bool require(const Scope& scope, std::uint64_t fields);
    bool take_extras(const Scope& scope, std::string_view wrapper, std::string_view& out);

    bool u64(std::string_view token, std::uint64_t& out, std::uint64_t limit = kSigned64);
    bool u64(std::string_view token, std::optional<std::uint64_t>& out, std::uint64_t limit = kSigned64) {
        return u64(token, out.emplace(), limit);
    }
    bool u256(std::string_view token, Uint256& out);
    bool u256(std::string_view token, std::optional<Uint256>& out) { return u256(token, out.emplace()); }
    bool boolean(std::string_view token, bool& out);
    template <std::size_t N>
    bool fixed(std::string_view token, FixedBytes<N>& out);
    template <std::size_t N>
    bool fixed(std::string_view token, std::optional<FixedBytes<N>>& out) {
        return fixed(token, out.emplace());
    }
    // The empty byte string counts as absent.
    template <std::size_t N>
    bool fixed_or_empty(std::string_view token, std::optional<FixedBytes<N>>& out);
    bool data(std::string_view token, ByteView& out);
    bool hashes(Value& value, std::vector<Hash32>& out, evm::Slice* slice);
    bool equals(std::string_view token, std::uint64_t expected);
    bool in_block(std::string_view token, std::optional<Hash32>& known);

    bool read_block(std::string_view json);
    bool read_block_field(BlockKey key, std::string_view token, Value& value);
    bool finish_header(const Scope& scope);
    bool read_withdrawals(Value& value);
    bool read_transactions(Value& value);
    bool read_transaction(Value& element, std::size_t index);
    bool read_transaction_field(TxKey key, evm::Transaction& tx, std::string_view token, Value& value);
    bool finish_transaction(const Scope& scope, evm::Transaction& tx);
    bool check_signature(const Scope& scope, const evm::Transaction& tx);
    bool read_access_list(Value& value, evm::Transaction& tx);
    bool read_authorizations(Value& value, evm::Transaction& tx);
    bool read_receipts(std::string_view json);
    bool read_receipt(Value& element, std::size_t index);
    bool read_receipt_field(ReceiptKey key, evm::Receipt& receipt, Identity& identity,
                            std::string_view token);
    template <typename Id>
    bool check_identity(const Identity& identity, std::size_t tx_index);
    bool check_gas(const evm::Receipt& receipt);
    bool read_logs(Value& value, std::size_t tx_index);
    bool read_log(Value& element, std::size_t index, std::size_t tx_index);
    bool read_topics(Value& value, evm::Log& log);
    void compose_extras();

    KeyTable block_keys_ = block_keys();
    KeyTable tx_keys_ = tx_keys();
    KeyTable receipt_keys_ = receipt_keys();
    KeyTable log_keys_ = log_keys();
    KeyTable withdrawal_keys_ = withdrawal_keys();
    KeyTable access_keys_ = access_keys();
    KeyTable authorization_keys_ = authorization_keys();

    ondemand::parser parser_;
    ondemand::document document_;
    DecodeCounters counters_;

    // Of the block at hand.
    evm::Block* out_ = nullptr;
    DecodeOptions options_;
    bool in_receipts_ = false;
    bool any_number_ = false;  // decode_header: options_.expected_number says nothing
    bool gas_is_hard_ = true;
    bool gas_mismatch_ = false;
    bool renumbered_ = false;
    std::uint64_t gas_before_ = 0;      // cumulative gas of the receipt before
    std::optional<Hash32> block_hash_;  // of the header, or of the first transaction if that came first
    Address author_;                    // used if there is no miner
    ByteView tx_data_;                  // `data` of the transaction at hand
    std::array<Frame, 4> frames_;       // block > transaction > access list entry; receipt > log
    std::size_t depth_ = 0;
    std::vector<RawMember> extras_;            // unknown fields of the open objects
    std::vector<RawMember> members_;           // scratch of take_extras
    std::vector<std::string_view> tx_extras_;  // per transaction, only as long as the last that has some
    std::vector<std::string_view> receipt_extras_;
    std::array<std::string_view, static_cast<std::size_t>(TxKey::kCount)> tx_tokens_;
    std::string scratch_;
    Error error_;
};

// ---- errors, objects, arrays

bool BlockDecoder::State::fail(Code code, std::string_view reason, std::string_view problem) {
    std::string where =
        any_number_ ? std::string("block header") : fmt::format("block {}", options_.expected_number);
    if (in_receipts_ && depth_ == 0) where += ": receipt list";
    for (std::size_t i = 0; i < depth_; ++i) {
        const Frame& frame = frames_[i];
        if (!frame.keys->word().empty()) where += fmt::format(": {} {}", frame.keys->word(), frame.index);
        const bool last = i + 1 == depth_;
        if (last && frame.key != KeyTable::kUnknown)
            where += fmt::format(": field \"{}\"", frame.keys->name(frame.key));
    }
    error_ = make_error(code, "{} {}", where, problem).with_reason(reason);
    return false;
}

template <typename Id, typename OnField>
bool BlockDecoder::State::walk(ondemand::object& object, Scope& scope, OnField&& on_field) {
    KeyTable& keys = scope.keys();
    Frame& frame = frames_[depth_ - 1];
    std::uint64_t seen = 0;
    std::uint8_t previous = KeyTable::kUnknown;
    for (auto item : object) {
        ondemand::field field;
        if (const auto error = std::move(item).get(field)) {
            frame.key = KeyTable::kUnknown;
            return bad_json(error);
        }
        const char* const text = field.key().raw();
        std::uint8_t id = keys.predict(previous, text);
        if (id == KeyTable::kUnknown && !look_up(keys, previous, field, id)) return false;
        if (id == KeyTable::kUnknown) continue;
        previous = id;
        frame.key = id;
        const std::uint64_t bit = std::uint64_t{1} << id;
        if ((seen & bit) != 0) return bad("is sent twice");
        seen |= bit;
        Value& value = field.value();
        const std::string_view token = value.raw_json_token();
        if (is_null_token(token)) continue;
        scope.present_ |= bit;
        if (!on_field(static_cast<Id>(id), token, value)) return false;
    }
    frame.key = KeyTable::kUnknown;
    return true;
}

// The key of a field that was not predicted. An unknown one is stored away.
bool BlockDecoder::State::look_up(KeyTable& keys, std::uint8_t previous, ondemand::field& field,
                                  std::uint8_t& id) {
    std::string_view key = trim_token(field.key_raw_json_token());
    if (key.size() < 2 || key.back() != '"') {
        point_at_object();
        return bad("is not valid JSON (a key is no string)");
    }
    key = key.substr(1, key.size() - 2);
    if (key.find('\\') != std::string_view::npos) {
        scratch_.clear();
        if (!unescape_json(scratch_, key)) {
            point_at_object();
            return bad("has a key with a wrong escape sequence: {}", excerpt(key));
        }
        key = out_->arena.copy(std::string_view(scratch_));
    }
    id = keys.find(previous, key);
    if (id != KeyTable::kUnknown) return true;
    Value& value = field.value();
    return add_unknown(keys, key, value.raw_json_token(), value);
}

bool BlockDecoder::State::add_unknown(const KeyTable& keys, std::string_view key, std::string_view token,
                                      Value& value) {
    point_at_object();
    if (token.starts_with('{') || token.starts_with('[')) {
        if (const auto error = value.raw_json().get(token)) return bad_json(error);
    }
    extras_.push_back({.key = key, .value = token});
    if (!is_null_token(token)) count_unknown(keys, key);
    return true;
}

void BlockDecoder::State::count_unknown(const KeyTable& keys, std::string_view key) {
    // A metric label holds no free text: only what looks like a field name counts under its own name.
    constexpr std::size_t kLabelLengthMax = 40;
    const bool is_name =
        !key.empty() && key.size() <= kLabelLengthMax && std::all_of(key.begin(), key.end(), [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        });
    auto& fields = counters_.unknown_fields;
    scratch_.assign(keys.label()).append(".").append(is_name ? key : "other");
    auto found = fields.find(scratch_);
    if (found == fields.end() && fields.size() >= DecodeCounters::kUnknownFieldsMax) {
        scratch_.assign(keys.label()).append(".other");
        found = fields.find(scratch_);
    }
    if (found == fields.end()) found = fields.emplace(scratch_, 0).first;
    ++found->second;
}

template <typename OnElement>
bool BlockDecoder::State::each_of(ondemand::array& array, OnElement&& on_element) {
    for (auto item : array) {
        Value element;
        if (const auto error = std::move(item).get(element)) return bad_json(error);
        if (!on_element(element)) return false;
    }
    return true;
}

template <typename OnElement>
bool BlockDecoder::State::each(Value& value, OnElement&& on_element) {
    ondemand::array array;
    if (value.get_array().get(array)) return bad("is not an array but {}", excerpt(value.raw_json_token()));
    return each_of(array, std::forward<OnElement>(on_element));
}

template <typename Id, typename OnField>
bool BlockDecoder::State::walk_element(Value& element, Scope& scope, OnField&& on_field) {
    ondemand::object object;
    if (element.get_object().get(object))
        return bad("is not an object but {}", excerpt(element.raw_json_token()));
    return walk<Id>(object, scope, std::forward<OnField>(on_field));
}

bool BlockDecoder::State::require(const Scope& scope, std::uint64_t fields) {
    const std::uint64_t missing = fields & ~scope.present_;
    if (missing == 0) return true;
    point_at(static_cast<std::uint8_t>(std::countr_zero(missing)));
    return bad("is missing");
}

// The unknown fields of the object as canonical JSON in the arena, inside {"<wrapper>":..} if that is not
// empty.
bool BlockDecoder::State::take_extras(const Scope& scope, std::string_view wrapper, std::string_view& out) {
    if (extras_.size() == scope.extras_begin()) return true;
    members_.assign(extras_.begin() + static_cast<std::ptrdiff_t>(scope.extras_begin()), extras_.end());
    scratch_.clear();
    if (!wrapper.empty()) scratch_.append("{\"").append(wrapper).append("\":");
    const std::size_t before = scratch_.size();
    point_at_object();
    if (auto done = append_canonical_object(scratch_, members_); !done.ok())
        return bad("{}", done.error().message);
    if (scratch_.size() == before) return true;
    if (!wrapper.empty()) scratch_.push_back('}');
    out = out_->arena.copy(std::string_view(scratch_));
    return true;
}

// ---- values

bool BlockDecoder::State::u64(std::string_view token, std::uint64_t& out, std::uint64_t limit) {
    if (!read_short_quantity(token, out)) [[unlikely]] {
        Uint256 wide;
        if (!u256(token, wide)) return false;
        if (!wide.fits_u64()) return bad("is too large: {}", excerpt(token));
        out = wide.low64();
    }
    if (out > limit) return bad("is {}, above the largest value that can be stored, {}", out, limit);
    return true;
}

bool BlockDecoder::State::u256(std::string_view token, Uint256& out) {
    if (std::uint64_t low; read_short_quantity(token, low)) {
        out = Uint256(low);
        return true;
    }
    const Spelling spelling = read_quantity(token, out);
    if (spelling == Spelling::kInvalid)
        return bad("is not a quantity (0x and 1 to 64 hex digits) but {}", excerpt(token));
    if (spelling == Spelling::kPlainNumber) ++counters_.plain_numbers;
    return true;
}

bool BlockDecoder::State::boolean(std::string_view token, bool& out) {
    const auto value = read_bool(token);
    if (!value) return bad("is neither true nor false but {}", excerpt(token));
    out = *value;
    return true;
}

template <std::size_t N>
bool BlockDecoder::State::fixed(std::string_view token, FixedBytes<N>& out) {
    if (read_fixed(token, out)) [[likely]]
        return true;
    return bad("is not 0x and {} hex digits but {}", 2 * N, excerpt(token));
}

template <std::size_t N>
bool BlockDecoder::State::fixed_or_empty(std::string_view token, std::optional<FixedBytes<N>>& out) {
    if (token.starts_with("\"0x\"")) return true;
    return fixed(token, out.emplace());
}

bool BlockDecoder::State::data(std::string_view token, ByteView& out) {
    const auto digits = data_digits(token);
    if (!digits) return bad("is not 0x and an even number of hex digits but {}", excerpt(token));
    const std::size_t size = digits->size() / 2;
    std::uint8_t* const bytes = size == 0 ? nullptr : out_->arena.allocate(size);
    if (size > 0 && !decode_hex(*digits, bytes))
        return bad("holds a character that is no hex digit: {}", excerpt(token));
    out = {bytes, size};
    return true;
}

bool BlockDecoder::State::hashes(Value& value, std::vector<Hash32>& out, evm::Slice* slice) {
    const std::size_t first = out.size();
    const bool ok =
        each(value, [&](Value& element) { return fixed(element.raw_json_token(), out.emplace_back()); });
    if (slice != nullptr)
        *slice = {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(out.size() - first)};
    return ok;
}

bool BlockDecoder::State::equals(std::string_view token, std::uint64_t expected) {
    std::uint64_t value = 0;
    if (!u64(token, value, kFull64)) return false;
    return value == expected || bad("is {}, expected {}", value, expected);
}

// A hash that must be that of the block; the first one met defines it.
bool BlockDecoder::State::in_block(std::string_view token, std::optional<Hash32>& known) {
    Hash32 hash;
    if (!fixed(token, hash)) return false;
    if (!known) known = hash;
    return hash == *known ||
           bad("is {}, expected the block's hash {}", to_hex0x(hash.view()), to_hex0x(known->view()));
}

// ---- block

bool BlockDecoder::State::parse(std::string_view json) {
    const auto error =
        parser_.iterate(json.data(), json.size(), json.size() + simdjson::SIMDJSON_PADDING).get(document_);
    return error == simdjson::SUCCESS || bad_json(error);
}

bool BlockDecoder::State::at_end() { return document_.at_end() || bad("is followed by more JSON"); }

bool BlockDecoder::State::read_block(std::string_view json) {
    if (trim_json(json) == "null")
        return fail(Code::kUnavailable, "NULL_BLOCK", "is unknown to the node (null answer)");
    if (!parse(json)) return false;
    ondemand::object object;
    if (document_.get_object().get(object))
        return bad("is not a JSON object but {}", excerpt(trim_json(json)));
    Scope scope(*this, block_keys_, 0);
    const bool ok = walk<BlockKey>(object, scope, [this](BlockKey key, std::string_view token, Value& value) {
        return read_block_field(key, token, value);
    });
    return ok && at_end() && finish_header(scope);
}

bool BlockDecoder::State::read_block_field(BlockKey key, std::string_view token, Value& value) {
    using enum BlockKey;
    evm::Header& header = out_->header;
    switch (key) {
        case kNumber:
            if (!u64(token, header.number)) return false;
            return any_number_ || header.number == options_.expected_number ||
                   bad("is {}, but block {} was requested", header.number, options_.expected_number);
        case kHash:
            return in_block(token, block_hash_) && fixed(token, header.hash);
        case kParentHash:
            return fixed(token, header.parent_hash);
        case kOmmersHash:
            return fixed(token, header.ommers_hash);
        case kMiner:
            return fixed(token, header.miner);
        case kAuthor:
            return fixed(token, author_);
        case kStateRoot:
            return fixed(token, header.state_root);
        case kTransactionsRoot:
            return fixed(token, header.transactions_root);
        case kReceiptsRoot:
            return fixed(token, header.receipts_root);
        case kLogsBloom:
            return fixed(token, header.logs_bloom);
        case kDifficulty:
            if (!u256(token, header.difficulty)) return false;
            return header.difficulty.fits_decimal38() || bad("exceeds 38 decimal digits: {}", excerpt(token));
        case kTotalDifficulty:
            return u256(token, header.total_difficulty);
        case kGasLimit:
            return u64(token, header.gas_limit, kFull64);
        case kGasUsed:
            return u64(token, header.gas_used);
        case kTimestamp:
            return u64(token, header.timestamp, kSecondsMax);
        case kExtraData:
            return data(token, header.extra_data);
        case kMixHash:
            return fixed(token, header.mix_hash);
        case kNonce:
            return u64(token, header.nonce, kFull64);
        case kBaseFee:
            return u256(token, header.base_fee_per_gas);
        case kWithdrawalsRoot:
            return fixed_or_empty(token, header.withdrawals_root);
        case kBlobGasUsed:
            return u64(token, header.blob_gas_used);
        case kExcessBlobGas:
            return u64(token, header.excess_blob_gas);
        case kParentBeaconRoot:
            return fixed_or_empty(token, header.parent_beacon_root);
        case kRequestsHash:
            return fixed_or_empty(token, header.requests_hash);
        case kAccessListHash:
            return fixed_or_empty(token, header.block_access_list_hash);
        case kSlotNumber:
            return u64(token, header.slot_number);
        case kSize:
            return u64(token, header.size);
        case kUncles:
            return hashes(value, out_->uncle_hashes, nullptr);
        case kWithdrawals:
            return read_withdrawals(value);
        case kTransactions:
            return !options_.full_transactions || read_transactions(value);
    }
    return true;
}

bool BlockDecoder::State::finish_header(const Scope& scope) {
    using enum BlockKey;
    constexpr std::uint64_t kRequired = mask_of(kNumber, kHash, kParentHash, kTimestamp, kStateRoot,
                                                kTransactionsRoot, kReceiptsRoot, kGasUsed);
    if (!require(scope, kRequired | (options_.full_transactions ? mask_of(kTransactions) : 0))) return false;
    evm::Header& header = out_->header;
    if (!scope.has(kMiner) && scope.has(kAuthor)) header.miner = author_;
    const bool has_miner = scope.has(kMiner) || scope.has(kAuthor);
    header.unverifiable_header =
        !scope.has(kOmmersHash) || !scope.has(kLogsBloom) || !scope.has(kGasLimit) || !has_miner;
    if (header.size == 0U) header.size.reset();
    header.has_uncles = scope.has(kUncles);
    header.has_withdrawals = scope.has(kWithdrawals);
    return take_extras(scope, "block", header.extra_json);
}

bool BlockDecoder::State::read_withdrawals(Value& value) {
    using enum WithdrawalKey;
    return each(value, [this](Value& element) {
        Scope scope(*this, withdrawal_keys_, out_->withdrawals.size());
        evm::Withdrawal& withdrawal = out_->withdrawals.emplace_back();
        const auto on_field = [&](WithdrawalKey key, std::string_view token, Value&) {
            switch (key) {
                case kIndex:
                    return u64(token, withdrawal.index);
                case kValidatorIndex:
                    return u64(token, withdrawal.validator_index);
                case kAddress:
                    return fixed(token, withdrawal.address);
                case kAmount:
                    return u64(token, withdrawal.amount);
            }
            return true;
        };
        std::string_view unused;
        return walk_element<WithdrawalKey>(element, scope, on_field) &&
               require(scope, mask_of(kIndex, kValidatorIndex, kAddress, kAmount)) &&
               take_extras(scope, "", unused);
    });
}

// ---- transactions

bool BlockDecoder::State::read_transactions(Value& value) {
    return each(value, [this](Value& element) {
        if (out_->transactions.empty() && element.raw_json_token().starts_with('"'))
            return bad("holds hashes, expected transaction objects");
        return read_transaction(element, out_->transactions.size());
    });
}

bool BlockDecoder::State::read_transaction(Value& element, std::size_t index) {
    evm::Transaction& tx = out_->transactions.emplace_back();
    Scope scope(*this, tx_keys_, index);
    const auto on_field = [&](TxKey key, std::string_view token, Value& value) {
        tx_tokens_[static_cast<std::size_t>(key)] = token;
        return read_transaction_field(key, tx, token, value);
    };
    return walk_element<TxKey>(element, scope, on_field) && finish_transaction(scope, tx);
}

bool BlockDecoder::State::read_transaction_field(TxKey key, evm::Transaction& tx, std::string_view token,
                                                 Value& value) {
    using enum TxKey;
    const auto list = [&](bool ok) {
        // The text of the whole list, in case that it is kept: up to the next structural character.
        const char* end = nullptr;
        if (!ok) return false;
        if (const auto error = document_.current_location().get(end)) return bad_json(error);
        tx_tokens_[static_cast<std::size_t>(key)] = {token.data(),
                                                     static_cast<std::size_t>(end - token.data())};
        return true;
    };
    switch (key) {
        case kHash:
            return fixed(token, tx.hash);
        case kFrom:
            return fixed(token, tx.from);
        case kTo:
            return fixed_or_empty(token, tx.to);
        case kType: {
            std::uint64_t type = 0;
            if (!u64(token, type, kSigned32)) return false;
            tx.type = static_cast<std::uint32_t>(type);
            return true;
        }
        case kNonce:
            return u64(token, tx.nonce);
        case kGas:
            return u64(token, tx.gas, kFull64);
        case kValue:
            return u256(token, tx.value);
        case kInput:
            return data(token, tx.input);
        case kData:
            return data(token, tx_data_);
        case kGasPrice:
            return u256(token, tx.gas_price);
        case kMaxFee:
            return u256(token, tx.max_fee_per_gas);
        case kMaxPriorityFee:
            return u256(token, tx.max_priority_fee_per_gas);
        case kMaxBlobFee:
            return u256(token, tx.max_fee_per_blob_gas);
        case kChainId:
            return u256(token, tx.chain_id);
        case kV:
            return u256(token, tx.v);
        case kYParity:
            return u64(token, tx.y_parity);
        case kR:
            return u256(token, tx.r);
        case kS:
            return u256(token, tx.s);
        case kAccessList:
            return list(read_access_list(value, tx));
        case kBlobHashes:
            return list(hashes(value, out_->blob_hashes, &tx.blob_hashes));
        case kAuthorizations:
            return list(read_authorizations(value, tx));
        case kSourceHash:
            return fixed(token, tx.source_hash);
        case kMint:
            return u256(token, tx.mint);
        case kIsSystem:
            return boolean(token, tx.is_system);
        case kBlockHash:
            return in_block(token, block_hash_);
        case kBlockNumber:
            return equals(token, options_.expected_number);
        case kIndex:
            return equals(token, frames_[depth_ - 1].index);
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

bool BlockDecoder::State::finish_transaction(const Scope& scope, evm::Transaction& tx) {
    using enum TxKey;
    constexpr std::uint64_t kRequired = mask_of(kHash, kFrom, kNonce, kGas, kValue);
    const bool standard = tx.type <= kLastStandardType;
    if (!require(scope, kRequired | (standard ? kRequiredByType[tx.type] : 0))) return false;
    if (scope.has(kData)) {
        point_at(kData);
        if (scope.has(kInput) && !std::ranges::equal(tx.input, tx_data_))
            return bad("differs from \"input\"");
        tx.input = tx_data_;
    } else if (!require(scope, mask_of(kInput))) {
        return false;
    }
    tx.has_access_list = scope.has(kAccessList);
    const auto keep = [&](TxKey key) {
        const auto id = static_cast<std::uint8_t>(key);
        if (scope.has(key)) extras_.push_back({.key = scope.keys().name(id), .value = tx_tokens_[id]});
    };
    if (standard) {
        if (!check_signature(scope, tx)) return false;
        const bool known_v = tx.v >= Uint256(35) || tx.v == Uint256(27) || tx.v == Uint256(28);
        if (tx.type == 0 && !known_v) keep(kV);
    } else {
        for (const TxKey key : kKeptForOtherTypes) keep(key);
    }
    std::string_view extras;
    if (!take_extras(scope, "", extras)) return false;
    if (!extras.empty()) {
        tx_extras_.resize(out_->transactions.size());
        tx_extras_.back() = extras;
    }
    return true;
}

// Types 0-4: the chain id must fit its column and the parity must be one (raw tables reference, 4.3).
bool BlockDecoder::State::check_signature(const Scope& scope, const evm::Transaction& tx) {
    using enum TxKey;
    if (tx.chain_id && !tx.chain_id->fits_u64()) {
        point_at(kChainId);
        return bad("exceeds 64 bits: {}", tx.chain_id->to_decimal());
    }
    if (tx.type == 0) {
        // v = 2 * chain id + 35 + parity
        constexpr Uint256 kLargest = [] {
            Uint256 v(34);  // 2 * (2^64 - 1) + 36 = 2^65 + 34
            v.limbs[1] = 2;
            return v;
        }();
        if (tx.v <= kLargest) return true;
        point_at(kV);
        return bad("stands for a chain id above 64 bits: {}", tx.v.to_decimal());
    }
    const Uint256 parity = tx.y_parity ? Uint256(*tx.y_parity) : tx.v;
    if (parity <= Uint256(1)) return true;
    point_at(scope.has(kYParity) ? kYParity : kV);
    return bad("is {}, expected 0 or 1", parity.to_decimal());
}

bool BlockDecoder::State::read_access_list(Value& value, evm::Transaction& tx) {
    using enum AccessKey;
    tx.access_list.first = static_cast<std::uint32_t>(out_->access_entries.size());
    return each(value, [&](Value& element) {
        Scope scope(*this, access_keys_, tx.access_list.count++);
        evm::AccessEntry& entry = out_->access_entries.emplace_back();
        entry.storage_keys.first = static_cast<std::uint32_t>(out_->storage_keys.size());
        const auto on_field = [&](AccessKey key, std::string_view token, Value& field) {
            switch (key) {
                case kAddress:
                    return fixed(token, entry.address);
                case kStorageKeys:
                    return hashes(field, out_->storage_keys, &entry.storage_keys);
            }
            return true;
        };
        std::string_view unused;
        return walk_element<AccessKey>(element, scope, on_field) &&
               require(scope, mask_of(kAddress, kStorageKeys)) && take_extras(scope, "", unused);
    });
}

bool BlockDecoder::State::read_authorizations(Value& value, evm::Transaction& tx) {
    using enum AuthKey;
    constexpr std::uint64_t kByteMax = std::numeric_limits<std::uint8_t>::max();
    tx.authorizations.first = static_cast<std::uint32_t>(out_->authorizations.size());
    return each(value, [&](Value& element) {
        Scope scope(*this, authorization_keys_, tx.authorizations.count++);
        evm::Authorization& authorization = out_->authorizations.emplace_back();
        std::string_view parity_token;
        std::string_view v_token;
        const auto on_field = [&](AuthKey key, std::string_view token, Value&) {
            switch (key) {
                case kChainId:
                    return u256(token, authorization.chain_id);
                case kAddress:
                    return fixed(token, authorization.address);
                case kNonce:
                    return u64(token, authorization.nonce, kFull64);
                case kYParity:
                    parity_token = token;
                    break;
                case kV:
                    v_token = token;
                    break;
                case kR:
                    return u256(token, authorization.r);
                case kS:
                    return u256(token, authorization.s);
            }
            return true;
        };
        if (!walk_element<AuthKey>(element, scope, on_field)) return false;
        const bool by_v = parity_token.empty() && !v_token.empty();
        const AuthKey parity_key = by_v ? kV : kYParity;
        if (!require(scope, mask_of(kChainId, kAddress, kNonce, kR, kS, parity_key))) return false;
        point_at(parity_key);
        std::uint64_t parity = 0;
        if (!u64(by_v ? v_token : parity_token, parity, kByteMax)) return false;
        authorization.y_parity = static_cast<std::uint8_t>(parity);
        std::string_view unused;
        return take_extras(scope, "", unused);
    });
}

// ---- receipts

bool BlockDecoder::State::read_receipts(std::string_view json) {
    in_receipts_ = true;
    if (trim_json(json) == "null")
        return fail(Code::kUnavailable, "NULL_RECEIPTS", "is null: the node does not have the receipts yet");
    if (!parse(json)) return false;
    ondemand::array array;
    if (document_.get_array().get(array)) return bad("is not an array but {}", excerpt(trim_json(json)));
    const bool ok =
        each_of(array, [this](Value& element) { return read_receipt(element, out_->receipts.size()); });
    if (!ok || !at_end()) return false;
    const std::size_t expected = out_->transactions.size();
    if (out_->receipts.empty() && expected > 0)
        return fail(Code::kUnavailable, "EMPTY_RECEIPTS",
                    fmt::format("is empty, but the block has {} transactions", expected));
    if (out_->receipts.size() != expected)
        return bad("has {} entries, but the block has {} transactions", out_->receipts.size(), expected);
    // Since Amsterdam block gas and receipt gas differ; the access list hash marks such blocks.
    if (expected == 0 || out_->header.block_access_list_hash || gas_before_ == out_->header.gas_used)
        return true;
    gas_mismatch_ = true;
    return !gas_is_hard_ || bad("ends at {} cumulative gas, but the header's gasUsed is {}", gas_before_,
                                out_->header.gas_used);
}

bool BlockDecoder::State::read_receipt(Value& element, std::size_t index) {
    using enum ReceiptKey;
    Scope scope(*this, receipt_keys_, index);
    evm::Receipt& receipt = out_->receipts.emplace_back();
    Identity identity;
    const auto on_field = [&](ReceiptKey key, std::string_view token, Value& value) {
        if (key == kLogs) return read_logs(value, index);
        return read_receipt_field(key, receipt, identity, token);
    };
    if (!walk_element<ReceiptKey>(element, scope, on_field)) return false;
    if (!check_identity<ReceiptKey>(identity, index)) return false;
    if (index >= out_->transactions.size())
        return bad("is one too many: the block has {} transactions", out_->transactions.size());
    if (!require(scope, mask_of(kCumulativeGasUsed, kGasUsed, kLogs))) return false;
    if (receipt.contract_address && receipt.contract_address->is_zero()) receipt.contract_address.reset();
    std::string_view extras;
    if (!check_gas(receipt) || !take_extras(scope, "", extras)) return false;
    if (!extras.empty()) {
        receipt_extras_.resize(index + 1);
        receipt_extras_.back() = extras;
    }
    return true;
}

bool BlockDecoder::State::read_receipt_field(ReceiptKey key, evm::Receipt& receipt, Identity& identity,
                                             std::string_view token) {
    using enum ReceiptKey;
    switch (key) {
        case kStatus: {
            std::uint64_t status = 0;
            if (!u64(token, status, kFull64)) return false;
            receipt.status = status == 1;
            return status <= 1 || bad("is {}, expected 0 or 1", status);
        }
        case kRoot: {
            // Other lengths occur beside a status and mean nothing.
            ByteView root;
            if (!data(token, root)) return false;
            if (root.size() == Hash32::kSize) std::ranges::copy(root, receipt.root.emplace().data());
            return true;
        }
        case kCumulativeGasUsed:
            return u64(token, receipt.cumulative_gas_used);
        case kGasUsed:
            return u64(token, receipt.gas_used);
        case kEffectiveGasPrice:
            return u256(token, receipt.effective_gas_price);
        case kContractAddress:
            return fixed_or_empty(token, receipt.contract_address);
        case kBlobGasUsed:
            return u64(token, receipt.blob_gas_used);
        case kBlobGasPrice:
            return u256(token, receipt.blob_gas_price);
        case kDepositNonce:
            return u64(token, receipt.deposit_nonce);
        case kDepositVersion:
            return u64(token, receipt.deposit_receipt_version);
        case kLogsBloom:
            return fixed_or_empty(token, receipt.logs_bloom);
        case kBlockHash:
            return fixed(token, identity.block_hash);
        case kBlockNumber:
            return u64(token, identity.block_number);
        case kTxHash:
            return fixed(token, identity.tx_hash);
        case kTxIndex:
            return u64(token, identity.tx_index);
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
bool BlockDecoder::State::check_identity(const Identity& identity, std::size_t tx_index) {
    const Hash32& block_hash = out_->header.hash;
    if (identity.block_hash && *identity.block_hash != block_hash) {
        point_at(Id::kBlockHash);
        return fail(Code::kUnavailable, "OTHER_BLOCK",
                    fmt::format("is {}, but the block's hash is {}", to_hex0x(identity.block_hash->view()),
                                to_hex0x(block_hash.view())));
    }
    point_at(Id::kBlockNumber);
    if (identity.block_number && *identity.block_number != options_.expected_number)
        return bad("is {}, expected {}", *identity.block_number, options_.expected_number);
    point_at(Id::kTxIndex);
    if (identity.tx_index && *identity.tx_index != tx_index)
        return bad("is {}, expected {}", *identity.tx_index, tx_index);
    point_at(Id::kTxHash);
    if (identity.tx_hash && tx_index < out_->transactions.size()) {
        const Hash32& tx_hash = out_->transactions[tx_index].hash;
        if (*identity.tx_hash != tx_hash)
            return bad("is {}, expected {} of transaction {}", to_hex0x(identity.tx_hash->view()),
                       to_hex0x(tx_hash.view()), tx_index);
    }
    point_at_object();
    return true;
}

bool BlockDecoder::State::check_gas(const evm::Receipt& receipt) {
    // Both are below 2^63: no overflow.
    const std::uint64_t expected = gas_before_ + receipt.gas_used;
    gas_before_ = receipt.cumulative_gas_used;
    if (receipt.cumulative_gas_used == expected) return true;
    gas_mismatch_ = true;
    if (!gas_is_hard_) return true;
    point_at(ReceiptKey::kCumulativeGasUsed);
    return bad("is {}, but the receipt before and gasUsed add up to {}", receipt.cumulative_gas_used,
               expected);
}

bool BlockDecoder::State::read_logs(Value& value, std::size_t tx_index) {
    evm::Slice& slice = out_->receipts.back().logs;
    slice.first = static_cast<std::uint32_t>(out_->logs.size());
    return each(value, [&](Value& element) { return read_log(element, slice.count++, tx_index); });
}

bool BlockDecoder::State::read_log(Value& element, std::size_t index, std::size_t tx_index) {
    using enum LogKey;
    Scope scope(*this, log_keys_, index);
    const std::uint64_t expected_index = out_->logs.size();
    evm::Log& log = out_->logs.emplace_back();
    Identity identity;
    std::uint64_t log_index = expected_index;
    bool removed = false;
    const auto on_field = [&](LogKey key, std::string_view token, Value& value) {
        switch (key) {
            case kAddress:
                return fixed(token, log.address);
            case kTopics:
                return read_topics(value, log);
            case kData:
                return data(token, log.data);
            case kBlockHash:
                return fixed(token, identity.block_hash);
            case kBlockNumber:
                return u64(token, identity.block_number);
            case kTxHash:
                return fixed(token, identity.tx_hash);
            case kTxIndex:
                return u64(token, identity.tx_index);
            case kLogIndex:
                return u64(token, log_index, kSigned32);
            case kRemoved:
                return boolean(token, removed);
            case kBlockTimestamp:
                break;
        }
        return true;
    };
    if (!walk_element<LogKey>(element, scope, on_field)) return false;
    if (!check_identity<LogKey>(identity, tx_index)) return false;
    if (!require(scope, mask_of(kAddress, kTopics, kData))) return false;
    if (removed) {
        point_at(kRemoved);
        return bad("is true: the log belongs to a block that left the chain");
    }
    if (log_index != expected_index) {
        point_at(kLogIndex);
        if (!options_.renumber_logs)
            return bad(
                "is {}, expected the running number {} (the provider key renumber_logs = true replaces it)",
                log_index, expected_index);
        renumbered_ = true;
    }
    log.log_index = static_cast<std::uint32_t>(expected_index);
    log.tx_index = static_cast<std::uint32_t>(tx_index);
    return take_extras(scope, "", log.extra_json);
}

bool BlockDecoder::State::read_topics(Value& value, evm::Log& log) {
    return each(value, [&](Value& element) {
        if (log.topic_count == log.topics.size()) return bad("has more than 4 elements");
        return fixed(element.raw_json_token(), log.topics[log.topic_count++]);
    });
}

// ---- whole blocks

// {"receipt":..,"tx":..} from what the transactions and receipts have left over.
void BlockDecoder::State::compose_extras() {
    const std::size_t count = std::max(tx_extras_.size(), receipt_extras_.size());
    tx_extras_.resize(count);
    receipt_extras_.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
        std::string_view separator = "{";
        scratch_.clear();
        for (const auto& [name, text] :
             {std::pair{"\"receipt\":", receipt_extras_[i]}, {"\"tx\":", tx_extras_[i]}}) {
            if (text.empty()) continue;
            scratch_.append(separator).append(name).append(text);
            separator = ",";
        }
        if (scratch_.empty()) continue;
        scratch_.push_back('}');
        out_->transactions[i].extra_json = out_->arena.copy(std::string_view(scratch_));
    }
}

void BlockDecoder::State::begin(evm::Block& out, const DecodeOptions& options, bool any_number) {
    out.clear();
    out_ = &out;
    options_ = options;
    any_number_ = any_number;
    gas_is_hard_ = options.profile == "ethereum" || options.profile == "op-stack";
    in_receipts_ = false;
    gas_mismatch_ = false;
    renumbered_ = false;
    gas_before_ = 0;
    block_hash_.reset();
    depth_ = 0;
    extras_.clear();
    tx_extras_.clear();
    receipt_extras_.clear();
}

Result<> BlockDecoder::State::decode(std::string_view block_json,
                                     std::optional<std::string_view> receipts_json,
                                     const DecodeOptions& options, evm::Block& out) {
    if (receipts_json && !options.full_transactions)
        return make_error(Code::kInvalidArgument,
                          "block {}: receipts can only be decoded with full transactions",
                          options.expected_number);
    begin(out, options, false);
    if (!read_block(block_json)) return std::move(error_);
    if (receipts_json && !read_receipts(*receipts_json)) return std::move(error_);
    compose_extras();
    if (gas_mismatch_) ++counters_.gas_mismatches;
    if (renumbered_) ++counters_.renumbered_blocks;
    return {};
}

Result<> BlockDecoder::State::decode_header(std::string_view block_json, evm::Block& out) {
    begin(out, {.full_transactions = false}, true);
    if (!read_block(block_json)) return std::move(error_);
    return {};
}

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
