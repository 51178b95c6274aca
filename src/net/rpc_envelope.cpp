// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "net/rpc_envelope.hpp"

#include "net/rpc_client.hpp"

#include <charconv>
#include <optional>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <simdjson.h>
#pragma GCC diagnostic pop

namespace amp::net {
namespace {

namespace od = simdjson::ondemand;

static_assert(kJsonPadding >= simdjson::SIMDJSON_PADDING);

// Index memory above this size (4 bytes per byte of the largest body seen) is not kept.
constexpr std::size_t kKeptCapacity = 64ULL << 20;

std::string_view trim(std::string_view raw) {
    while (!raw.empty() &&
           (raw.back() == ' ' || raw.back() == '\n' || raw.back() == '\r' || raw.back() == '\t'))
        raw.remove_suffix(1);
    return raw;
}

struct Member {
    std::string_view id, result, error;
};

// Reads one answer object; false if it is damaged or has one of the three keys twice.
bool read_member(od::object& object, Member& out) {
    for (auto entry : object) {
        od::field field;
        if (std::move(entry).get(field) != simdjson::SUCCESS) return false;
        const od::raw_json_string key = field.key();
        std::string_view* slot = nullptr;
        if (key.unsafe_is_equal("result"))
            slot = &out.result;
        else if (key.unsafe_is_equal("id"))
            slot = &out.id;
        else if (key.unsafe_is_equal("error"))
            slot = &out.error;
        if (slot == nullptr) continue;  // the iterator skips the value
        std::string_view raw;
        if (field.value().raw_json().get(raw) != simdjson::SUCCESS || !slot->empty()) return false;
        *slot = trim(raw);
    }
    // Some servers send "error": null beside every result.
    if (out.error == "null") out.error = {};
    return true;
}

std::optional<std::uint64_t> parse_id(std::string_view raw) {
    if (raw.size() >= 2 && raw.front() == '"' && raw.back() == '"') raw = raw.substr(1, raw.size() - 2);
    std::uint64_t id = 0;
    const auto [end, fault] = std::from_chars(raw.data(), raw.data() + raw.size(), id);
    if (raw.empty() || fault != std::errc{} || end != raw.data() + raw.size()) return std::nullopt;
    return id;
}

EnvelopeKind fault_of(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return EnvelopeKind::kNotJson;
    return text[begin] == '{' || text[begin] == '[' ? EnvelopeKind::kTruncated : EnvelopeKind::kNotJson;
}

// Files a member under its call. Sets the kind to anything but kAnswers when the whole answer must be
// refused.
void file_member(const Member& member, std::uint64_t first_id, Envelope& out) {
    const auto id = parse_id(member.id);
    if (!id || *id < first_id || *id - first_id >= out.items.size()) {
        out.kind = EnvelopeKind::kForeignId;
        return;
    }
    auto& item = out.items[*id - first_id];
    if (item.seen) {
        out.kind = EnvelopeKind::kForeignId;
        return;
    }
    item.seen = true;
    item.contradictory = member.result.empty() == member.error.empty();
    if (item.contradictory) return;
    item.result = member.result;
    item.error = member.error;
}

bool is_error_without_id(const Member& member) {
    return (member.id.empty() || member.id == "null") && member.result.empty() && !member.error.empty();
}

}  // namespace

struct EnvelopeSplitter::State {
    od::parser parser;
};

EnvelopeSplitter::EnvelopeSplitter() : state_(std::make_unique<State>()) {}
EnvelopeSplitter::~EnvelopeSplitter() = default;

Envelope EnvelopeSplitter::split(std::string_view text, std::uint64_t first_id, std::uint32_t calls,
                                 bool batch) {
    Envelope out;
    if (state_->parser.capacity() > kKeptCapacity) state_ = std::make_unique<State>();
    const auto refuse = [&](EnvelopeKind kind) {
        out = Envelope{kind, {}, {}};
        return out;
    };
    od::document document;
    const simdjson::padded_string_view padded(text.data(), text.size(), text.size() + kJsonPadding);
    if (state_->parser.iterate(padded).get(document) != simdjson::SUCCESS) return refuse(fault_of(text));
    od::json_type type{};
    if (document.type().get(type) != simdjson::SUCCESS) return refuse(fault_of(text));
    out.kind = EnvelopeKind::kAnswers;
    out.items.resize(calls);

    if (type == od::json_type::object) {
        od::object object;
        Member member;
        if (document.get_object().get(object) != simdjson::SUCCESS || !read_member(object, member) ||
            !document.at_end())
            return refuse(EnvelopeKind::kTruncated);
        if (batch) {
            if (member.error.empty()) return refuse(EnvelopeKind::kNotJson);
            return Envelope{EnvelopeKind::kBatchError, {}, member.error};
        }
        // A node that could not read the request does not know its id.
        if (is_error_without_id(member)) {
            out.items[0] = {{}, member.error, false, true};
            return out;
        }
        file_member(member, first_id, out);
        return out;
    }
    if (type != od::json_type::array) return refuse(EnvelopeKind::kNotJson);

    od::array array;
    if (document.get_array().get(array) != simdjson::SUCCESS) return refuse(EnvelopeKind::kTruncated);
    std::string_view common_error;
    for (auto element : array) {
        od::object object;
        Member member;
        if (element.get_object().get(object) != simdjson::SUCCESS || !read_member(object, member))
            return refuse(EnvelopeKind::kTruncated);
        if (is_error_without_id(member)) {
            if (common_error.empty()) common_error = member.error;
            continue;
        }
        file_member(member, first_id, out);
        if (out.kind != EnvelopeKind::kAnswers) return refuse(out.kind);
    }
    if (!document.at_end()) return refuse(EnvelopeKind::kTruncated);
    if (!common_error.empty()) {
        for (const auto& item : out.items)
            if (item.seen) return refuse(EnvelopeKind::kForeignId);
        return Envelope{EnvelopeKind::kBatchError, {}, common_error};
    }
    return out;
}

}  // namespace amp::net
