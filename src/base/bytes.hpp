// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace amp {

using ByteView = std::span<const std::uint8_t>;
using Bytes = std::vector<std::uint8_t>;

/// N raw bytes with value semantics: a hash, an address, a bloom.
template <std::size_t N>
struct FixedBytes {
    static constexpr std::size_t kSize = N;
    std::array<std::uint8_t, N> bytes{};

    std::uint8_t* data() { return bytes.data(); }
    const std::uint8_t* data() const { return bytes.data(); }
    static constexpr std::size_t size() { return N; }
    ByteView view() const { return {bytes.data(), N}; }
    bool is_zero() const { return bytes == std::array<std::uint8_t, N>{}; }
    friend auto operator<=>(const FixedBytes&, const FixedBytes&) = default;
};
using Hash32 = FixedBytes<32>;
using Address = FixedBytes<20>;
using Bloom = FixedBytes<256>;

/// Lower-case digits without prefix.
std::string to_hex(ByteView bytes);
/// "0x" and lower-case digits.
std::string to_hex0x(ByteView bytes);

/// Decodes an even number of hex digits (no prefix) into out, which has room for digits.size() / 2 bytes.
/// False on any other character. Vectorised; the caller checks the length.
bool decode_hex(std::string_view digits, std::uint8_t* out);

/// Parses hex text with or without "0x"; empty on an odd count or a wrong digit.
std::optional<Bytes> parse_hex(std::string_view text);

template <std::size_t N>
std::optional<FixedBytes<N>> parse_fixed_hex(std::string_view text) {
    if (text.starts_with("0x")) text.remove_prefix(2);
    FixedBytes<N> out;
    if (text.size() != 2 * N || !decode_hex(text, out.data())) return std::nullopt;
    return out;
}

inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace amp
