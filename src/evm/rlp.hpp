// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.hpp"
#include "base/uint256.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

/// Recursive length prefix encoding (Ethereum yellow paper, appendix B), as far as hashing a block needs it.
/// Integers are byte strings: big-endian without leading zeros, 0 = empty.
namespace amp::evm::rlp {

/// The longest header: one byte and a 64-bit length.
inline constexpr std::size_t kHeaderMax = 9;
/// The longest integer: one header byte and 32 bytes.
inline constexpr std::size_t kIntegerMax = 33;

/// Bytes of the header of a list of `body` bytes, or of a string of `body` bytes that is not a single byte
/// below 0x80.
std::size_t header_size(std::size_t body);
inline std::size_t list_size(std::size_t body) { return header_size(body) + body; }
/// Bytes of the whole encoding.
inline std::size_t string_size(ByteView bytes) {
    return bytes.size() == 1 && bytes[0] < 0x80 ? 1 : header_size(bytes.size()) + bytes.size();
}
inline std::size_t integer_size(std::uint64_t value) {
    return value < 0x80 ? 1 : 1 + (static_cast<std::size_t>(std::bit_width(value)) + 7) / 8;
}
std::size_t integer_size(const Uint256& value);

/// Writes items one after the other.
/// Requires: room behind the start for everything that is written; the caller computes a bound beforehand.
class Writer {
  public:
    explicit Writer(std::uint8_t* start) : at_(start) {}
    /// Behind the last byte written.
    std::uint8_t* at() const { return at_; }

    /// One byte as it is: the type in front of a transaction, or an empty string as 0x80.
    void raw(std::uint8_t byte) { *at_++ = byte; }
    /// Bytes that are encoded already.
    void raw(ByteView bytes) {
        if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
        at_ += bytes.size();
    }
    void list_header(std::size_t body) { header(body, 0xc0); }
    void string(ByteView bytes);
    void integer(std::uint64_t value);
    void integer(const Uint256& value);
    /// A hash, address or bloom: full width, leading zeros kept.
    template <std::size_t N>
    void fixed(const FixedBytes<N>& value) {
        static_assert(N > 1);
        if constexpr (N < 56) {
            *at_++ = static_cast<std::uint8_t>(0x80 + N);
        } else {
            header(N, 0x80);
        }
        std::memcpy(at_, value.data(), N);
        at_ += N;
    }

  private:
    void header(std::size_t body, std::uint8_t base);

    std::uint8_t* at_;
};

/// Makes a list of the items in [body, end) by putting its header right in front of body: saves a pass for
/// the sizes. Requires: kHeaderMax writable bytes in front of body. Returns the whole list.
std::span<std::uint8_t> wrap_list(std::uint8_t* body, std::uint8_t* end);

}  // namespace amp::evm::rlp
