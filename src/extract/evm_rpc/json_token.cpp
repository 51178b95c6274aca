// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "extract/evm_rpc/json_token.hpp"

#include <algorithm>

namespace amp::extract::evm_rpc {
namespace {

constexpr std::size_t kHexDigitsMax = 64;

constexpr std::array<std::uint8_t, 256> kNibble = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(0xff);
    for (std::uint8_t i = 0; i < 10; ++i) table[std::size_t{'0'} + i] = i;
    for (std::uint8_t i = 0; i < 6; ++i) {
        table[std::size_t{'a'} + i] = static_cast<std::uint8_t>(10 + i);
        table[std::size_t{'A'} + i] = static_cast<std::uint8_t>(10 + i);
    }
    return table;
}();

bool read_hex(std::string_view digits, Uint256& out) {
    if (digits.empty() || digits.size() > kHexDigitsMax) return false;
    std::array<char, kHexDigitsMax> padded;
    if (digits.size() < kHexDigitsMax) {
        padded.fill('0');
        std::copy(digits.begin(), digits.end(), padded.end() - static_cast<std::ptrdiff_t>(digits.size()));
        digits = {padded.data(), padded.size()};
    }
    std::array<std::uint8_t, 32> bytes;
    if (!decode_hex(digits, bytes.data())) return false;
    for (std::size_t i = 0; i < 4; ++i) {
        std::uint64_t word;
        std::memcpy(&word, bytes.data() + 8 * i, 8);
        out.limbs[3 - i] = __builtin_bswap64(word);
    }
    return true;
}

bool read_decimal(std::string_view digits, Uint256& out) {
    const auto value = parse_uint256_decimal(digits);
    if (value) out = *value;
    return value.has_value();
}

}  // namespace

std::string_view trim_token(std::string_view token) {
    const auto is_space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
    while (!token.empty() && is_space(token.back())) token.remove_suffix(1);
    return token;
}

std::string_view trim_json(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    return first == std::string_view::npos ? std::string_view{} : trim_token(text.substr(first));
}

std::optional<bool> read_bool(std::string_view token) {
    token = trim_token(token);
    if (token == "true") return true;
    if (token == "false") return false;
    return std::nullopt;
}

bool read_short_quantity(std::string_view token, std::uint64_t& out) {
    if (!token.starts_with("\"0x")) return false;
    std::uint64_t value = 0;
    std::size_t i = 3;
    for (; i < token.size(); ++i) {
        const std::uint8_t nibble = kNibble[static_cast<std::uint8_t>(token[i])];
        if (nibble > 15) break;
        value = value << 4 | nibble;
    }
    if (i == 3 || i > 3 + 16 || i == token.size() || token[i] != '"') return false;
    out = value;
    return true;
}

Spelling read_quantity(std::string_view token, Uint256& out) {
    token = trim_token(token);
    if (token.size() < 2 || token.front() != '"' || token.back() != '"') {
        const bool padded = token.size() > 1 && token.front() == '0';
        return !padded && read_decimal(token, out) ? Spelling::kPlainNumber : Spelling::kInvalid;
    }
    token = token.substr(1, token.size() - 2);
    const bool ok = token.starts_with("0x") ? read_hex(token.substr(2), out) : read_decimal(token, out);
    return ok ? Spelling::kText : Spelling::kInvalid;
}

std::optional<std::string_view> data_digits(std::string_view token) {
    token = trim_token(token);
    if (token.size() < 4 || !token.starts_with("\"0x") || token.back() != '"' || token.size() % 2 != 0)
        return std::nullopt;
    return token.substr(3, token.size() - 4);
}

std::string excerpt(std::string_view token) {
    constexpr std::size_t kLengthMax = 80;
    token = trim_token(token);
    std::string text(token.substr(0, kLengthMax));
    for (char& c : text)
        if (c < 0x20 || c > 0x7e) c = '?';
    if (token.size() > kLengthMax) text += "..";
    return text;
}

}  // namespace amp::extract::evm_rpc
