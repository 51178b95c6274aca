// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "evm/json_members.hpp"

#include <cstddef>

namespace amp::evm {
namespace {

// Length of the string that text begins with, with its quotes; 0 if it does not end.
std::size_t string_length(std::string_view text) {
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') return i + 1;
        if (text[i] == '\\') ++i;
    }
    return 0;
}

// Length of the value that text begins with: up to the comma or bracket that belongs to what surrounds it.
std::size_t value_length(std::string_view text) {
    std::size_t depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        switch (text[i]) {
            case '"': {
                const std::size_t length = string_length(text.substr(i));
                if (length == 0) return 0;
                i += length - 1;
                break;
            }
            case '{':
            case '[':
                ++depth;
                break;
            case '}':
            case ']':
                if (depth == 0) return i;
                --depth;
                break;
            case ',':
                if (depth == 0) return i;
                break;
            default:
                break;
        }
    }
    return 0;
}

}  // namespace

JsonMembers::JsonMembers(std::string_view object) : rest_(object) {
    if (rest_.starts_with('{')) {
        rest_.remove_prefix(1);
    } else {
        rest_ = {};
    }
}

std::optional<JsonMember> JsonMembers::next() {
    if (!rest_.starts_with('"')) return std::nullopt;
    const std::size_t key = string_length(rest_);
    if (key == 0 || key >= rest_.size() || rest_[key] != ':') return std::nullopt;
    JsonMember member;
    member.key = rest_.substr(1, key - 2);
    rest_.remove_prefix(key + 1);
    const std::size_t value = value_length(rest_);
    if (value == 0) {
        rest_ = {};
        return std::nullopt;
    }
    member.value = rest_.substr(0, value);
    // The separator, or the bracket that ends the object.
    rest_.remove_prefix(value + 1);
    return member;
}

std::optional<std::string_view> find_json_member(std::string_view object, std::string_view key) {
    JsonMembers members(object);
    while (const auto member = members.next())
        if (member->key == key) return member->value;
    return std::nullopt;
}

}  // namespace amp::evm
