// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.hpp"
#include "evm/keccak.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace amp::evm {

/// Sets the bits of one value: bit number n is bit (n mod 8) of byte 255 - n div 8.
using BloomBits = std::array<std::uint16_t, 3>;
inline void add_to_bloom(Bloom& bloom, const BloomBits& bits) {
    for (const std::uint16_t n : bits)
        bloom.bytes[255U - n / 8U] |= static_cast<std::uint8_t>(1U << (n % 8U));
}
/// The bits that a logs bloom has for a value with this Keccak-256 hash (yellow paper, 4.3.1).
BloomBits bloom_bits(const Hash32& hash);

/// Finds the bloom bits of the addresses and topics of a block. A value seen in an earlier block costs no
/// hash: the cache is direct-mapped, about 1.3 MB, and only a speed matter (values are compared in full).
///
/// Use: begin(), add() each value, run the batch, resolve(), then bits(i) of the i-th value added.
class BloomCache {
  public:
    BloomCache();

    void begin();
    /// Requires: a value of 1 to 32 bytes that stays in place until the batch has run.
    void add(ByteView value, HashBatch& batch);
    void resolve(const HashBatch& batch);
    const BloomBits& bits(std::size_t item) const { return items_[item]; }

  private:
    static constexpr std::size_t kSlotBits = 15;
    static constexpr std::uint32_t kNotPending = UINT32_MAX;

    struct Slot {
        std::array<std::uint64_t, 4> value{};
        // The message whose digest gives the bits, while the batch has not run.
        std::uint32_t message = kNotPending;
        std::uint8_t size = 0;
        BloomBits bits{};
    };
    struct Pending {
        std::uint32_t item = 0;
        std::uint32_t message = 0;
        std::uint32_t slot = 0;
    };

    std::vector<Slot> slots_;
    std::vector<BloomBits> items_;
    std::vector<Pending> pending_;
};

}  // namespace amp::evm
