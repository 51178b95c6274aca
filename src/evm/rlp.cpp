// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "evm/rlp.hpp"

namespace amp::evm::rlp {
namespace {

std::size_t byte_width(std::uint64_t value) {
    return (static_cast<std::size_t>(std::bit_width(value)) + 7) / 8;
}

std::size_t byte_width(const Uint256& value) {
    for (std::size_t i = 4; i-- > 0;)
        if (value.limbs[i] != 0) return 8 * i + byte_width(value.limbs[i]);
    return 0;
}

// The low `width` bytes of value, most significant first.
std::uint8_t* put_big_endian(std::uint8_t* out, std::uint64_t value, std::size_t width) {
    for (std::size_t i = width; i-- > 0;) *out++ = static_cast<std::uint8_t>(value >> (8 * i));
    return out;
}

}  // namespace

std::size_t header_size(std::size_t body) { return body < 56 ? 1 : 1 + byte_width(std::uint64_t{body}); }

std::size_t integer_size(const Uint256& value) {
    return value.fits_u64() ? integer_size(value.low64()) : 1 + byte_width(value);
}

void Writer::header(std::size_t body, std::uint8_t base) {
    if (body < 56) {
        *at_++ = static_cast<std::uint8_t>(base + body);
        return;
    }
    const std::size_t width = byte_width(std::uint64_t{body});
    *at_++ = static_cast<std::uint8_t>(base + 55 + width);
    at_ = put_big_endian(at_, body, width);
}

void Writer::string(ByteView bytes) {
    if (bytes.size() != 1 || bytes[0] >= 0x80) header(bytes.size(), 0x80);
    raw(bytes);
}

void Writer::integer(std::uint64_t value) {
    if (value != 0 && value < 0x80) {
        *at_++ = static_cast<std::uint8_t>(value);
        return;
    }
    const std::size_t width = byte_width(value);
    *at_++ = static_cast<std::uint8_t>(0x80 + width);
    at_ = put_big_endian(at_, value, width);
}

void Writer::integer(const Uint256& value) {
    if (value.fits_u64()) return integer(value.low64());
    const std::size_t width = byte_width(value);
    const Hash32 digits = value.to_big_endian();
    *at_++ = static_cast<std::uint8_t>(0x80 + width);
    raw(digits.view().last(width));
}

std::span<std::uint8_t> wrap_list(std::uint8_t* body, std::uint8_t* end) {
    const auto size = static_cast<std::size_t>(end - body);
    std::uint8_t* const start = body - header_size(size);
    Writer(start).list_header(size);
    return {start, end};
}

}  // namespace amp::evm::rlp
