// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.hpp"
#include "base/uint256.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Scalars of the Ethereum JSON-RPC API (https://ethereum.github.io/execution-apis, "base types"), read from
// the raw token of a JSON value: its text from the first character to the next structural one, so white space
// may follow. Strings keep their quotes. The document has been checked to close every string. An escape
// sequence is never part of a valid number or byte string, so the readers need not know about escapes.
namespace amp::extract::evm_rpc {

/// Without the white space behind it.
std::string_view trim_token(std::string_view token);
/// Without the white space before and behind it.
std::string_view trim_json(std::string_view text);

inline bool is_null_token(std::string_view token) {
    return token.starts_with('n') && trim_token(token) == "null";
}
std::optional<bool> read_bool(std::string_view token);

enum class Spelling : std::uint8_t {
    kInvalid,
    kText,         // "0x1f", or decimal digits in quotes
    kPlainNumber,  // a JSON integer
};

/// A quantity: "0x" and 1 to 64 hex digits of any case, leading zeros allowed; also a JSON integer or decimal
/// digits in quotes. kInvalid for anything else and above 2^256 - 1.
Spelling read_quantity(std::string_view token, Uint256& out);

/// The common case of read_quantity: at most 16 hex digits. False says nothing about other forms.
bool read_short_quantity(std::string_view token, std::uint64_t& out);

/// The digits of a byte string ("0x" and an even number of characters, which are not checked yet).
std::optional<std::string_view> data_digits(std::string_view token);

/// A byte string of exactly N bytes.
template <std::size_t N>
bool read_fixed(std::string_view token, FixedBytes<N>& out) {
    constexpr std::size_t kDigits = 2 * N;
    // No need to trim: behind the closing quote there is only white space.
    return token.size() >= kDigits + 4 && token.starts_with("\"0x") && token[kDigits + 3] == '"' &&
           decode_hex(token.substr(3, kDigits), out.data());
}

/// The token for an error message: shortened, with unprintable characters replaced.
std::string excerpt(std::string_view token);

}  // namespace amp::extract::evm_rpc
