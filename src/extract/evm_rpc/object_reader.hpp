// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/uint256.hpp"
#include "evm/types.hpp"
#include "extract/evm_rpc/canonical_json.hpp"
#include "extract/evm_rpc/decoder.hpp"
#include "extract/evm_rpc/field_keys.hpp"
#include "extract/evm_rpc/json_token.hpp"
#include "extract/evm_rpc/key_table.hpp"

#include <simdjson.h>

#include <limits>
#include <utility>

namespace amp::extract::evm_rpc {

namespace ondemand = simdjson::ondemand;

// Columns of type u64 and u32 are stored as signed integers (raw tables reference, 1.2).
constexpr std::uint64_t kSigned64 = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kSigned32 = std::numeric_limits<std::int32_t>::max();
constexpr std::uint64_t kFull64 = std::numeric_limits<std::uint64_t>::max();
// Times are declared in signed nanoseconds.
constexpr std::uint64_t kSecondsMax = kSigned64 / 1'000'000'000;

/// Walks the objects of one JSON document after the other and reads their values, with simdjson's On-Demand
/// parser: no tree, every value is read once, in the order of the text. It knows where in the document it
/// stands, which is how errors get their place, and collects the fields that the key tables do not know.
///
/// The methods return false once fail() has built the error; take_error() returns it. A Result would cost a
/// write to memory for every field. Values that are null never reach a caller: null means absent.
class ObjectReader {
  public:
    using Value = ondemand::value;

    /// One object while it is read: its place in the document and the fields it had.
    class Scope {
      public:
        Scope(ObjectReader& reader, KeyTable& keys, std::size_t index)
            : reader_(reader), extras_begin_(reader.extras_.size()) {
            reader_.frames_[reader_.depth_++] = {.keys = &keys, .index = index};
        }
        ~Scope() {
            --reader_.depth_;
            reader_.extras_.resize(extras_begin_);
        }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

        const KeyTable& keys() const { return *reader_.frames_[reader_.depth_ - 1].keys; }
        template <typename Id>
        bool has(Id id) const {
            return (present_ & mask_of(id)) != 0;
        }

      private:
        friend class ObjectReader;

        ObjectReader& reader_;
        std::size_t extras_begin_;
        std::uint64_t present_ = 0;
    };

    /// Starts a block. Bytes and texts that are read go to the arena; `name` begins every error message.
    void begin(evm::Arena& arena, std::string name);
    /// Starts a document, followed by at least 64 readable bytes. `root_word` names its root in
    /// messages; may be empty.
    bool parse(std::string_view json, std::string_view root_word);
    bool root_object(ondemand::object& object);
    bool root_array(ondemand::array& array);
    /// Checks that nothing follows the root, after it has been read.
    bool at_end();

    bool fail(Code code, std::string_view reason, std::string_view problem);
    template <typename... Args>
    bool bad(fmt::format_string<Args...> format, Args&&... args) {
        return fail(Code::kCorruption, "BAD_DATA", fmt::format(format, std::forward<Args>(args)...));
    }
    bool bad_json(simdjson::error_code error) {
        return bad("is not valid JSON ({})", simdjson::error_message(error));
    }
    /// For checks after an object has been read: the field that an error is about, or none.
    template <typename Id>
    void point_at(Id id) {
        frames_[depth_ - 1].key = static_cast<std::uint8_t>(id);
    }
    void point_at_object() { frames_[depth_ - 1].key = KeyTable::kUnknown; }

    /// Calls on_field(id, token, value) for every known field that is not null. A key that comes twice is an
    /// error.
    template <typename Id, typename OnField>
    bool walk(ondemand::object& object, Scope& scope, OnField&& on_field);
    /// Calls on_element(value) for every element.
    template <typename OnElement>
    bool each(Value& value, OnElement&& on_element);
    template <typename OnElement>
    bool each_of(ondemand::array& array, OnElement&& on_element);
    template <typename Id, typename OnField>
    bool walk_element(Value& element, Scope& scope, OnField&& on_field);
    /// Checks that all these fields were there.
    bool require(const Scope& scope, std::uint64_t fields);
    /// Adds a known field to the unknown ones, because no column holds it here.
    void keep(const Scope& scope, std::uint8_t id, std::string_view value);
    /// The unknown fields of the object as canonical JSON in the arena, inside {"<wrapper>":..} if that is
    /// not empty; leaves `out` alone if there is none.
    bool take_extras(const Scope& scope, std::string_view wrapper, std::string_view& out);
    /// The text of an array that has just been read and began at `token`.
    bool text_of_array(std::string_view& token);

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
    /// The empty byte string counts as absent.
    template <std::size_t N>
    bool fixed_or_empty(std::string_view token, std::optional<FixedBytes<N>>& out);
    bool data(std::string_view token, ByteView& out);
    bool hashes(Value& value, std::vector<Hash32>& out, evm::Slice* slice);
    bool equals(std::string_view token, std::uint64_t expected);

    std::size_t index() const { return frames_[depth_ - 1].index; }
    void count_block(bool renumbered, bool gas_mismatch);
    Error&& take_error() { return std::move(error_); }
    const DecodeCounters& counters() const { return counters_; }

  private:
    // One level of the way from the document to the field being read.
    struct Frame {
        KeyTable* keys = nullptr;
        std::size_t index = 0;
        std::uint8_t key = KeyTable::kUnknown;
    };

    bool look_up(KeyTable& keys, std::uint8_t previous, ondemand::field& field, std::uint8_t& id);
    bool add_unknown(const KeyTable& keys, std::string_view key, std::string_view token, Value& value);
    void count_unknown(const KeyTable& keys, std::string_view key);

    ondemand::parser parser_;
    ondemand::document document_;
    DecodeCounters counters_;
    evm::Arena* arena_ = nullptr;
    std::string document_name_;
    std::string_view root_word_;
    std::array<Frame, 4> frames_;  // block > transaction > access list entry; receipt > log
    std::size_t depth_ = 0;
    std::vector<RawMember> extras_;   // unknown fields of the open objects
    std::vector<RawMember> members_;  // scratch of take_extras
    std::string scratch_;
    Error error_;
};

template <typename Id, typename OnField>
bool ObjectReader::walk(ondemand::object& object, Scope& scope, OnField&& on_field) {
    Frame& frame = frames_[depth_ - 1];
    KeyTable& keys = *frame.keys;
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

template <typename OnElement>
bool ObjectReader::each_of(ondemand::array& array, OnElement&& on_element) {
    for (auto item : array) {
        Value element;
        if (const auto error = std::move(item).get(element)) return bad_json(error);
        if (!on_element(element)) return false;
    }
    return true;
}

template <typename OnElement>
bool ObjectReader::each(Value& value, OnElement&& on_element) {
    ondemand::array array;
    if (value.get_array().get(array)) return bad("is not an array but {}", excerpt(value.raw_json_token()));
    return each_of(array, std::forward<OnElement>(on_element));
}

template <typename Id, typename OnField>
bool ObjectReader::walk_element(Value& element, Scope& scope, OnField&& on_field) {
    ondemand::object object;
    if (element.get_object().get(object))
        return bad("is not an object but {}", excerpt(element.raw_json_token()));
    return walk<Id>(object, scope, std::forward<OnField>(on_field));
}

template <std::size_t N>
bool ObjectReader::fixed(std::string_view token, FixedBytes<N>& out) {
    if (read_fixed(token, out)) [[likely]]
        return true;
    return bad("is not 0x and {} hex digits but {}", 2 * N, excerpt(token));
}

template <std::size_t N>
bool ObjectReader::fixed_or_empty(std::string_view token, std::optional<FixedBytes<N>>& out) {
    if (token.starts_with("\"0x\"")) return true;
    return fixed(token, out.emplace());
}

}  // namespace amp::extract::evm_rpc
