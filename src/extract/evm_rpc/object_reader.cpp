// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "extract/evm_rpc/object_reader.hpp"

#include <algorithm>
#include <bit>

namespace amp::extract::evm_rpc {

void ObjectReader::begin(evm::Arena& arena, std::string name) {
    arena_ = &arena;
    document_name_ = std::move(name);
    depth_ = 0;
    extras_.clear();
}

bool ObjectReader::parse(std::string_view json, std::string_view root_word) {
    root_word_ = root_word;
    const auto error =
        parser_.iterate(json.data(), json.size(), json.size() + simdjson::SIMDJSON_PADDING).get(document_);
    return error == simdjson::SUCCESS || bad_json(error);
}

bool ObjectReader::root_object(ondemand::object& object) {
    return document_.get_object().get(object) == simdjson::SUCCESS || bad("is not a JSON object");
}

bool ObjectReader::root_array(ondemand::array& array) {
    return document_.get_array().get(array) == simdjson::SUCCESS || bad("is not a JSON array");
}

bool ObjectReader::at_end() { return document_.at_end() || bad("is followed by more JSON"); }

bool ObjectReader::text_of_array(std::string_view& token) {
    // The next structural character comes behind the closing bracket.
    const char* end = nullptr;
    if (const auto error = document_.current_location().get(end)) return bad_json(error);
    token = {token.data(), static_cast<std::size_t>(end - token.data())};
    return true;
}

void ObjectReader::count_block(bool renumbered, bool gas_mismatch) {
    counters_.renumbered_blocks += renumbered ? 1 : 0;
    counters_.gas_mismatches += gas_mismatch ? 1 : 0;
}

void ObjectReader::keep(const Scope& scope, std::uint8_t id, std::string_view value) {
    extras_.push_back({.key = scope.keys().name(id), .value = value});
}

bool ObjectReader::fail(Code code, std::string_view reason, std::string_view problem) {
    std::string where = document_name_;
    if (depth_ == 0 && !root_word_.empty()) where += fmt::format(": {}", root_word_);
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

// The key of a field that was not predicted. An unknown one is stored away.
bool ObjectReader::look_up(KeyTable& keys, std::uint8_t previous, ondemand::field& field, std::uint8_t& id) {
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
        key = arena_->copy(std::string_view(scratch_));
    }
    id = keys.find(previous, key);
    if (id != KeyTable::kUnknown) return true;
    Value& value = field.value();
    return add_unknown(keys, key, value.raw_json_token(), value);
}

bool ObjectReader::add_unknown(const KeyTable& keys, std::string_view key, std::string_view token,
                               Value& value) {
    point_at_object();
    if (token.starts_with('{') || token.starts_with('[')) {
        if (const auto error = value.raw_json().get(token)) return bad_json(error);
    }
    extras_.push_back({.key = key, .value = token});
    if (!is_null_token(token)) count_unknown(keys, key);
    return true;
}

void ObjectReader::count_unknown(const KeyTable& keys, std::string_view key) {
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

bool ObjectReader::require(const Scope& scope, std::uint64_t fields) {
    const std::uint64_t missing = fields & ~scope.present_;
    if (missing == 0) return true;
    point_at(static_cast<std::uint8_t>(std::countr_zero(missing)));
    return bad("is missing");
}

bool ObjectReader::take_extras(const Scope& scope, std::string_view wrapper, std::string_view& out) {
    if (extras_.size() == scope.extras_begin_) return true;
    members_.assign(extras_.begin() + static_cast<std::ptrdiff_t>(scope.extras_begin_), extras_.end());
    scratch_.clear();
    if (!wrapper.empty()) scratch_.append("{\"").append(wrapper).append("\":");
    const std::size_t before = scratch_.size();
    point_at_object();
    if (auto done = append_canonical_object(scratch_, members_); !done.ok())
        return bad("{}", done.error().message);
    if (scratch_.size() == before) return true;
    if (!wrapper.empty()) scratch_.push_back('}');
    out = arena_->copy(std::string_view(scratch_));
    return true;
}

bool ObjectReader::u64(std::string_view token, std::uint64_t& out, std::uint64_t limit) {
    if (!read_short_quantity(token, out)) [[unlikely]] {
        Uint256 wide;
        if (!u256(token, wide)) return false;
        if (!wide.fits_u64()) return bad("is too large: {}", excerpt(token));
        out = wide.low64();
    }
    if (out > limit) return bad("is {}, above the largest value that can be stored, {}", out, limit);
    return true;
}

bool ObjectReader::u256(std::string_view token, Uint256& out) {
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

bool ObjectReader::boolean(std::string_view token, bool& out) {
    const auto value = read_bool(token);
    if (!value) return bad("is neither true nor false but {}", excerpt(token));
    out = *value;
    return true;
}

bool ObjectReader::data(std::string_view token, ByteView& out) {
    const auto digits = data_digits(token);
    if (!digits) return bad("is not 0x and an even number of hex digits but {}", excerpt(token));
    const std::size_t size = digits->size() / 2;
    std::uint8_t* const bytes = size == 0 ? nullptr : arena_->allocate(size);
    if (size > 0 && !decode_hex(*digits, bytes))
        return bad("holds a character that is no hex digit: {}", excerpt(token));
    out = {bytes, size};
    return true;
}

bool ObjectReader::hashes(Value& value, std::vector<Hash32>& out, evm::Slice* slice) {
    const std::size_t first = out.size();
    const bool ok =
        each(value, [&](Value& element) { return fixed(element.raw_json_token(), out.emplace_back()); });
    if (slice != nullptr)
        *slice = {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(out.size() - first)};
    return ok;
}

bool ObjectReader::equals(std::string_view token, std::uint64_t expected) {
    std::uint64_t value = 0;
    if (!u64(token, value, kFull64)) return false;
    return value == expected || bad("is {}, expected {}", value, expected);
}

}  // namespace amp::extract::evm_rpc
