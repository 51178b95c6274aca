// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace amp {
namespace {

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

bool decode_by_table(const char* in, std::size_t digits, std::uint8_t* out) {
    unsigned bad = 0;
    for (std::size_t i = 0; i < digits / 2; ++i) {
        const unsigned high = kNibble[static_cast<std::uint8_t>(in[2 * i])];
        const unsigned low = kNibble[static_cast<std::uint8_t>(in[2 * i + 1])];
        bad |= high | low;
        out[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return bad < 16;
}

#if defined(__x86_64__)
// 32 digits per step; the rest of a longer string is done by one overlapping step.
__attribute__((target("avx2"))) bool decode_by_avx2(const char* in, std::size_t digits, std::uint8_t* out) {
    if (digits < 32) return decode_by_table(in, digits, out);
    __m256i bad = _mm256_setzero_si256();
    const auto step = [&](std::size_t at) __attribute__((target("avx2"), always_inline)) {
        const __m256i text = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + at));
        const __m256i digit = _mm256_sub_epi8(text, _mm256_set1_epi8('0'));
        const __m256i letter =
            _mm256_sub_epi8(_mm256_or_si256(text, _mm256_set1_epi8(0x20)), _mm256_set1_epi8('a'));
        const __m256i is_digit = _mm256_cmpeq_epi8(_mm256_min_epu8(digit, _mm256_set1_epi8(9)), digit);
        const __m256i is_letter = _mm256_cmpeq_epi8(_mm256_min_epu8(letter, _mm256_set1_epi8(5)), letter);
        bad = _mm256_or_si256(
            bad, _mm256_andnot_si256(_mm256_or_si256(is_digit, is_letter), _mm256_set1_epi8(-1)));
        const __m256i nibbles =
            _mm256_blendv_epi8(_mm256_add_epi8(letter, _mm256_set1_epi8(10)), digit, is_digit);
        const __m256i words = _mm256_maddubs_epi16(nibbles, _mm256_set1_epi16(0x0110));  // high * 16 + low
        const __m128i packed =
            _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + at / 2), packed);
    };
    std::size_t i = 0;
    for (; i + 32 <= digits; i += 32) step(i);
    if (i < digits) step(digits - 32);
    return _mm256_testz_si256(bad, bad) != 0;
}
#endif

using Decoder = bool (*)(const char*, std::size_t, std::uint8_t*);

Decoder choose_decoder() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2")) return decode_by_avx2;
#endif
    return decode_by_table;
}

const Decoder kDecoder = choose_decoder();

}  // namespace

std::string to_hex(ByteView bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text(2 * bytes.size(), '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        text[2 * i] = kDigits[bytes[i] >> 4];
        text[2 * i + 1] = kDigits[bytes[i] & 15];
    }
    return text;
}

std::string to_hex0x(ByteView bytes) { return "0x" + to_hex(bytes); }

bool decode_hex(std::string_view digits, std::uint8_t* out) {
    return digits.size() % 2 == 0 && kDecoder(digits.data(), digits.size(), out);
}

std::optional<Bytes> parse_hex(std::string_view text) {
    if (text.starts_with("0x")) text.remove_prefix(2);
    Bytes out(text.size() / 2);
    if (!decode_hex(text, out.data())) return std::nullopt;
    return out;
}

}  // namespace amp
