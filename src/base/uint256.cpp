// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "base/uint256.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace amp {
namespace {

__extension__ using Wide = unsigned __int128;

// value = value * factor + addend; false on overflow.
bool multiply_add(Uint256& value, std::uint64_t factor, std::uint64_t addend) {
    Wide carry = addend;
    for (auto& limb : value.limbs) {
        carry += Wide{limb} * factor;
        limb = static_cast<std::uint64_t>(carry);
        carry >>= 64;
    }
    return carry == 0;
}

}  // namespace

bool Uint256::fits_decimal38() const {
    // 10^38 - 1
    constexpr std::uint64_t kHigh = 0x4B3B4CA85A86C47A;
    constexpr std::uint64_t kLow = 0x098A223FFFFFFFFF;
    if (!fits_u128()) return false;
    return limbs[1] != kHigh ? limbs[1] < kHigh : limbs[0] <= kLow;
}

Hash32 Uint256::to_big_endian() const {
    Hash32 out;
    for (std::size_t i = 0; i < 4; ++i) {
        const std::uint64_t word = __builtin_bswap64(limbs[3 - i]);
        std::memcpy(out.data() + 8 * i, &word, 8);
    }
    return out;
}

Uint256 Uint256::from_big_endian(ByteView bytes) {
    Uint256 out;
    for (std::size_t i = 0; i < bytes.size() && i < 32; ++i)
        out.limbs[i / 8] |= std::uint64_t{bytes[bytes.size() - 1 - i]} << (8 * (i % 8));
    return out;
}

std::string Uint256::to_decimal() const {
    if (fits_u64()) return fmt::format_int(limbs[0]).str();
    Uint256 rest = *this;
    std::string text;
    constexpr std::uint64_t kChunk = 10'000'000'000'000'000'000ULL;  // 10^19
    while (!rest.is_zero()) {
        Wide remainder = 0;
        for (std::size_t i = 4; i-- > 0;) {
            remainder = remainder << 64 | rest.limbs[i];
            rest.limbs[i] = static_cast<std::uint64_t>(remainder / kChunk);
            remainder %= kChunk;
        }
        auto digits = static_cast<std::uint64_t>(remainder);
        for (int i = 0; i < 19 && (digits != 0 || !rest.is_zero()); ++i, digits /= 10)
            text.push_back(static_cast<char>('0' + digits % 10));
    }
    std::reverse(text.begin(), text.end());
    return text;
}

std::optional<Uint256> checked_add(const Uint256& a, const Uint256& b) {
    Uint256 sum;
    Wide carry = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        carry += Wide{a.limbs[i]} + b.limbs[i];
        sum.limbs[i] = static_cast<std::uint64_t>(carry);
        carry >>= 64;
    }
    if (carry != 0) return std::nullopt;
    return sum;
}

Uint256 subtract(const Uint256& a, const Uint256& b) {
    Uint256 out;
    std::uint64_t borrow = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        const Wide difference = Wide{a.limbs[i]} - b.limbs[i] - borrow;
        out.limbs[i] = static_cast<std::uint64_t>(difference);
        borrow = static_cast<std::uint64_t>(difference >> 64) & 1;
    }
    return out;
}

std::optional<Uint256> parse_uint256_hex(std::string_view digits) {
    if (digits.empty()) return std::nullopt;
    const auto first = digits.find_first_not_of('0');
    if (first == std::string_view::npos) return Uint256{};
    digits.remove_prefix(first);
    if (digits.size() > 64) return std::nullopt;
    std::array<char, 64> padded;
    padded.fill('0');
    std::copy(digits.begin(), digits.end(), padded.end() - static_cast<std::ptrdiff_t>(digits.size()));
    std::array<std::uint8_t, 32> bytes;
    if (!decode_hex({padded.data(), 64}, bytes.data())) return std::nullopt;
    return Uint256::from_big_endian(bytes);
}

std::optional<Uint256> parse_uint256_decimal(std::string_view digits) {
    if (digits.empty()) return std::nullopt;
    Uint256 value;
    for (const char c : digits) {
        if (c < '0' || c > '9') return std::nullopt;
        if (!multiply_add(value, 10, static_cast<std::uint64_t>(c - '0'))) return std::nullopt;
    }
    return value;
}

}  // namespace amp
