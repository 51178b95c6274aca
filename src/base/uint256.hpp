// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace amp {

/// An unsigned 256-bit number as the chain uses it: no arithmetic beyond what extraction needs.
struct Uint256 {
    // Least significant limb first.
    std::array<std::uint64_t, 4> limbs{};

    constexpr Uint256() = default;
    constexpr Uint256(std::uint64_t low) : limbs{low, 0, 0, 0} {}

    bool fits_u64() const { return (limbs[1] | limbs[2] | limbs[3]) == 0; }
    bool fits_u128() const { return (limbs[2] | limbs[3]) == 0; }
    std::uint64_t low64() const { return limbs[0]; }
    bool is_zero() const { return (limbs[0] | limbs[1] | limbs[2] | limbs[3]) == 0; }
    /// True if the value is at most 10^38 - 1, the largest of DECIMAL(38, 0).
    bool fits_decimal38() const;

    /// 32 bytes, most significant first.
    Hash32 to_big_endian() const;
    /// At most 32 bytes, most significant first; longer input is a programming error.
    static Uint256 from_big_endian(ByteView bytes);
    /// Decimal digits without sign or leading zeros.
    std::string to_decimal() const;

    friend bool operator==(const Uint256&, const Uint256&) = default;
    friend std::strong_ordering operator<=>(const Uint256& a, const Uint256& b) {
        for (std::size_t i = 4; i-- > 0;)
            if (a.limbs[i] != b.limbs[i]) return a.limbs[i] <=> b.limbs[i];
        return std::strong_ordering::equal;
    }
};

/// Sum; nothing if it exceeds 2^256 - 1.
std::optional<Uint256> checked_add(const Uint256& a, const Uint256& b);
/// Difference; requires a >= b.
Uint256 subtract(const Uint256& a, const Uint256& b);

/// 1 to 64 hex digits without prefix, any case, leading zeros allowed.
std::optional<Uint256> parse_uint256_hex(std::string_view digits);
/// Decimal digits; nothing on other characters or a value above 2^256 - 1.
std::optional<Uint256> parse_uint256_decimal(std::string_view digits);

}  // namespace amp
