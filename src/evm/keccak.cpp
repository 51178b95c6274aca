// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "evm/keccak.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#define AMP_KECCAK_X86 1
// GCC 12 reports uninitialised values inside its own AVX-512 header.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#endif

// Functions for wider instruction sets are compiled beside the baseline and chosen at run time; a template
// would not take over the target of its caller, so the permutation is a macro over "word operations" of each
// width.
#define AMP_INLINE inline __attribute__((always_inline))
#define AMP_BMI __attribute__((target("bmi,bmi2")))
#define AMP_AVX2 __attribute__((target("avx2,bmi,bmi2")))
#define AMP_AVX512 __attribute__((target("avx512f,avx512vl,avx512bw,bmi,bmi2")))

namespace amp::evm {
namespace {

static_assert(std::endian::native == std::endian::little, "message words are loaded as they stand in memory");

// Bytes absorbed per permutation.
constexpr std::size_t kRate = 136;
constexpr std::size_t kRateWords = kRate / 8;
constexpr std::size_t kStateWords = 25;
constexpr std::size_t kDigestWords = 4;

constexpr std::array<std::uint64_t, 24> kRoundConstants = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};

struct ScalarWord {
    using V = std::uint64_t;
    static AMP_INLINE V set1(std::uint64_t x) { return x; }
    template <int N>
    static AMP_INLINE V rol(V x) {
        return std::rotl(x, N);
    }
    static AMP_INLINE V xor3(V a, V b, V c) { return a ^ b ^ c; }
    static AMP_INLINE V chi(V a, V b, V c) { return a ^ (~b & c); }
};

// keccak-f[1600] on the array s of W::V, all 25 words in local variables.
// clang-format off
#define AMP_KECCAK_F(W, s)                                                                                  \
    using V = W::V;                                                                                         \
    V a0 = s[0], a1 = s[1], a2 = s[2], a3 = s[3], a4 = s[4], a5 = s[5], a6 = s[6], a7 = s[7], a8 = s[8],    \
        a9 = s[9];                                                                                          \
    V a10 = s[10], a11 = s[11], a12 = s[12], a13 = s[13], a14 = s[14], a15 = s[15], a16 = s[16],            \
        a17 = s[17];                                                                                        \
    V a18 = s[18], a19 = s[19], a20 = s[20], a21 = s[21], a22 = s[22], a23 = s[23], a24 = s[24];            \
    for (const std::uint64_t round_constant : kRoundConstants) {                                            \
        const V c0 = W::xor3(W::xor3(a0, a5, a10), a15, a20), c1 = W::xor3(W::xor3(a1, a6, a11), a16, a21); \
        const V c2 = W::xor3(W::xor3(a2, a7, a12), a17, a22), c3 = W::xor3(W::xor3(a3, a8, a13), a18, a23); \
        const V c4 = W::xor3(W::xor3(a4, a9, a14), a19, a24);                                               \
        const V d0 = c4 ^ W::rol<1>(c1), d1 = c0 ^ W::rol<1>(c2), d2 = c1 ^ W::rol<1>(c3);                  \
        const V d3 = c2 ^ W::rol<1>(c4), d4 = c3 ^ W::rol<1>(c0);                                           \
        const V b0 = a0 ^ d0, b1 = W::rol<44>(a6 ^ d1), b2 = W::rol<43>(a12 ^ d2),                          \
            b3 = W::rol<21>(a18 ^ d3);                                                                      \
        const V b4 = W::rol<14>(a24 ^ d4), b5 = W::rol<28>(a3 ^ d3), b6 = W::rol<20>(a9 ^ d4);              \
        const V b7 = W::rol<3>(a10 ^ d0), b8 = W::rol<45>(a16 ^ d1), b9 = W::rol<61>(a22 ^ d2);             \
        const V b10 = W::rol<1>(a1 ^ d1), b11 = W::rol<6>(a7 ^ d2), b12 = W::rol<25>(a13 ^ d3);             \
        const V b13 = W::rol<8>(a19 ^ d4), b14 = W::rol<18>(a20 ^ d0), b15 = W::rol<27>(a4 ^ d4);           \
        const V b16 = W::rol<36>(a5 ^ d0), b17 = W::rol<10>(a11 ^ d1), b18 = W::rol<15>(a17 ^ d2);          \
        const V b19 = W::rol<56>(a23 ^ d3), b20 = W::rol<62>(a2 ^ d2), b21 = W::rol<55>(a8 ^ d3);           \
        const V b22 = W::rol<39>(a14 ^ d4), b23 = W::rol<41>(a15 ^ d0), b24 = W::rol<2>(a21 ^ d1);          \
        a0 = W::chi(b0, b1, b2) ^ W::set1(round_constant), a1 = W::chi(b1, b2, b3), a2 = W::chi(b2, b3,     \
            b4);                                                                                            \
        a3 = W::chi(b3, b4, b0), a4 = W::chi(b4, b0, b1);                                                   \
        a5 = W::chi(b5, b6, b7), a6 = W::chi(b6, b7, b8), a7 = W::chi(b7, b8, b9), a8 = W::chi(b8, b9, b5); \
        a9 = W::chi(b9, b5, b6);                                                                            \
        a10 = W::chi(b10, b11, b12), a11 = W::chi(b11, b12, b13), a12 = W::chi(b12, b13, b14);              \
        a13 = W::chi(b13, b14, b10), a14 = W::chi(b14, b10, b11);                                           \
        a15 = W::chi(b15, b16, b17), a16 = W::chi(b16, b17, b18), a17 = W::chi(b17, b18, b19);              \
        a18 = W::chi(b18, b19, b15), a19 = W::chi(b19, b15, b16);                                           \
        a20 = W::chi(b20, b21, b22), a21 = W::chi(b21, b22, b23), a22 = W::chi(b22, b23, b24);              \
        a23 = W::chi(b23, b24, b20), a24 = W::chi(b24, b20, b21);                                           \
    }                                                                                                       \
    s[0] = a0, s[1] = a1, s[2] = a2, s[3] = a3, s[4] = a4, s[5] = a5, s[6] = a6, s[7] = a7, s[8] = a8,      \
        s[9] = a9;                                                                                          \
    s[10] = a10, s[11] = a11, s[12] = a12, s[13] = a13, s[14] = a14, s[15] = a15, s[16] = a16, s[17] = a17; \
    s[18] = a18, s[19] = a19, s[20] = a20, s[21] = a21, s[22] = a22, s[23] = a23, s[24] = a24;
// clang-format on

void permute_baseline(std::uint64_t* s) { AMP_KECCAK_F(ScalarWord, s) }

// The last block of a message: what is left of it, then the padding. `out` has room for kRate bytes.
void put_padded(std::uint8_t* out, const std::uint8_t* rest, std::size_t size) {
    if (size != 0) std::memcpy(out, rest, size);
    std::memset(out + size, 0, kRate - size);
    out[size] = 0x01;
    out[kRate - 1] |= 0x80;
}

AMP_INLINE void absorb(std::uint64_t* state, const std::uint8_t* block) {
    for (std::size_t i = 0; i < kRateWords; ++i) {
        std::uint64_t word = 0;
        std::memcpy(&word, block + 8 * i, 8);
        state[i] ^= word;
    }
}

using Permute = void (*)(std::uint64_t*);

void hash_one(Permute permute, ByteView message, Hash32& digest) {
    std::uint64_t state[kStateWords] = {};
    const std::uint8_t* rest = message.data();
    std::size_t left = message.size();
    for (; left >= kRate; rest += kRate, left -= kRate) {
        absorb(state, rest);
        permute(state);
    }
    std::uint8_t tail[kRate];
    put_padded(tail, rest, left);
    absorb(state, tail);
    permute(state);
    std::memcpy(digest.data(), state, digest.size());
}

#if defined(AMP_KECCAK_X86)

AMP_BMI void permute_bmi(std::uint64_t* s) { AMP_KECCAK_F(ScalarWord, s) }

struct Avx2Word {
    using V = __m256i;
    AMP_AVX2 static AMP_INLINE V set1(std::uint64_t x) {
        return _mm256_set1_epi64x(static_cast<long long>(x));
    }
    template <int N>
    AMP_AVX2 static AMP_INLINE V rol(V x) {
        if constexpr (N == 8) {
            // A byte shuffle is one operation instead of three.
            return _mm256_shuffle_epi8(
                x, _mm256_setr_epi8(7, 0, 1, 2, 3, 4, 5, 6, 15, 8, 9, 10, 11, 12, 13, 14, 7, 0, 1, 2, 3, 4, 5,
                                    6, 15, 8, 9, 10, 11, 12, 13, 14));
        } else if constexpr (N == 56) {
            return _mm256_shuffle_epi8(
                x, _mm256_setr_epi8(1, 2, 3, 4, 5, 6, 7, 0, 9, 10, 11, 12, 13, 14, 15, 8, 1, 2, 3, 4, 5, 6, 7,
                                    0, 9, 10, 11, 12, 13, 14, 15, 8));
        } else {
            return _mm256_or_si256(_mm256_slli_epi64(x, N), _mm256_srli_epi64(x, 64 - N));
        }
    }
    AMP_AVX2 static AMP_INLINE V xor3(V a, V b, V c) { return _mm256_xor_si256(_mm256_xor_si256(a, b), c); }
    AMP_AVX2 static AMP_INLINE V chi(V a, V b, V c) { return _mm256_xor_si256(a, _mm256_andnot_si256(b, c)); }
};

// Rotations and three-operand logic are single instructions, and 32 registers hold the whole state.
struct Avx512Word {
    using V = __m512i;
    AMP_AVX512 static AMP_INLINE V set1(std::uint64_t x) {
        return _mm512_set1_epi64(static_cast<long long>(x));
    }
    template <int N>
    AMP_AVX512 static AMP_INLINE V rol(V x) {
        return _mm512_rol_epi64(x, N);
    }
    AMP_AVX512 static AMP_INLINE V xor3(V a, V b, V c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }
    AMP_AVX512 static AMP_INLINE V chi(V a, V b, V c) { return _mm512_ternarylogic_epi64(a, b, c, 0xD2); }
};

AMP_AVX2 void permute_avx2(__m256i* s){AMP_KECCAK_F(Avx2Word, s)} AMP_AVX512 void permute_avx512(__m512i* s) {
    AMP_KECCAK_F(Avx512Word, s)
}

// One lane of the parallel sponge. A lane that has finished its message takes the next one while the others
// go on, so messages of different lengths keep all lanes busy until the input runs out.
struct Lane {
    static constexpr std::size_t kIdle = SIZE_MAX;

    const std::uint8_t* block = nullptr;  // kRate bytes to absorb now
    const std::uint8_t* rest = nullptr;   // what follows
    std::size_t left = 0;                 // bytes not yet handed out as a block
    std::size_t message = kIdle;          // index of the message
    bool last = false;                    // block is the padded last one
    alignas(32) std::uint8_t tail[kRate];

    void start(ByteView bytes, std::size_t index) {
        rest = bytes.data();
        left = bytes.size();
        message = index;
        next();
    }
    void next() {
        last = left < kRate;
        if (last) {
            put_padded(tail, rest, left);
            block = tail;
        } else {
            block = rest;
            rest += kRate;
            left -= kRate;
        }
    }
};

// The lanes of one call and the input they eat.
template <std::size_t L>
struct Lanes {
    std::array<Lane, L> lane;
    // All ones = the lane goes on with its state, 0 = it starts from the zero state.
    alignas(64) std::uint64_t keep[L] = {};
    std::span<const ByteView> messages;
    std::span<Hash32> digests;
    std::size_t next_message = 0;
    std::size_t busy = 0;

    Lanes(std::span<const ByteView> in, std::span<Hash32> out) : messages(in), digests(out) {
        for (Lane& each : lane) {
            if (next_message < messages.size()) {
                each.start(messages[next_message], next_message);
                ++next_message;
                ++busy;
            } else {
                // An idle lane absorbs something, its result is ignored.
                put_padded(each.tail, nullptr, 0);
                each.block = each.tail;
            }
        }
    }

    // Stores the digests of the lanes that absorbed their last block and gives them new messages. `words`
    // holds the first words of the states, lane by lane within a word.
    void advance(const std::uint64_t* words) {
        for (std::size_t l = 0; l < L; ++l) {
            Lane& each = lane[l];
            if (each.message == Lane::kIdle) continue;
            if (!each.last) {
                each.next();
                keep[l] = ~std::uint64_t{0};
                continue;
            }
            Hash32& digest = digests[each.message];
            for (std::size_t w = 0; w < kDigestWords; ++w)
                std::memcpy(digest.data() + 8 * w, words + w * L + l, 8);
            keep[l] = 0;
            if (next_message < messages.size()) {
                each.start(messages[next_message], next_message);
                ++next_message;
            } else {
                each.message = Lane::kIdle;
                --busy;
            }
        }
    }
};

AMP_INLINE long long load_word(const std::uint8_t* from) {
    long long word = 0;
    std::memcpy(&word, from, 8);
    return word;
}

AMP_AVX2 AMP_INLINE __m256i load_avx2(const std::uint8_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

// 32 bytes of each of four lanes -> four vectors of one word of each lane.
AMP_AVX2 AMP_INLINE void transpose(const std::array<Lane, 4>& lane, std::size_t offset, __m256i out[4]) {
    const __m256i r0 = load_avx2(lane[0].block + offset);
    const __m256i r1 = load_avx2(lane[1].block + offset);
    const __m256i r2 = load_avx2(lane[2].block + offset);
    const __m256i r3 = load_avx2(lane[3].block + offset);
    const __m256i low01 = _mm256_unpacklo_epi64(r0, r1);
    const __m256i high01 = _mm256_unpackhi_epi64(r0, r1);
    const __m256i low23 = _mm256_unpacklo_epi64(r2, r3);
    const __m256i high23 = _mm256_unpackhi_epi64(r2, r3);
    out[0] = _mm256_permute2x128_si256(low01, low23, 0x20);
    out[1] = _mm256_permute2x128_si256(high01, high23, 0x20);
    out[2] = _mm256_permute2x128_si256(low01, low23, 0x31);
    out[3] = _mm256_permute2x128_si256(high01, high23, 0x31);
}

AMP_AVX2 void hash_many_avx2(std::span<const ByteView> messages, std::span<Hash32> digests) {
    Lanes<4> lanes(messages, digests);
    __m256i state[kStateWords] = {};
    while (lanes.busy != 0) {
        const __m256i keep = _mm256_load_si256(reinterpret_cast<const __m256i*>(lanes.keep));
        for (std::size_t group = 0; group < 4; ++group) {
            __m256i words[4];
            transpose(lanes.lane, 32 * group, words);
            for (std::size_t i = 0; i < 4; ++i) {
                __m256i& word = state[4 * group + i];
                word = _mm256_xor_si256(_mm256_and_si256(word, keep), words[i]);
            }
        }
        state[16] = _mm256_xor_si256(
            _mm256_and_si256(state[16], keep),
            _mm256_setr_epi64x(load_word(lanes.lane[0].block + 128), load_word(lanes.lane[1].block + 128),
                               load_word(lanes.lane[2].block + 128), load_word(lanes.lane[3].block + 128)));
        for (std::size_t i = kRateWords; i < kStateWords; ++i) state[i] = _mm256_and_si256(state[i], keep);
        permute_avx2(state);
        // A copy, because the state must not be read through a pointer to words.
        std::uint64_t words[kDigestWords * 4];
        std::memcpy(words, state, sizeof words);
        lanes.advance(words);
    }
}

AMP_AVX512 void hash_many_avx512(std::span<const ByteView> messages, std::span<Hash32> digests) {
    Lanes<8> lanes(messages, digests);
    __m512i state[kStateWords] = {};
    while (lanes.busy != 0) {
        const __m512i keep = _mm512_load_si512(lanes.keep);
        for (std::size_t i = 0; i < kRateWords; ++i) {
            long long w[8];
            for (std::size_t l = 0; l < 8; ++l) w[l] = load_word(lanes.lane[l].block + 8 * i);
            state[i] = _mm512_xor_si512(_mm512_and_si512(state[i], keep),
                                        _mm512_setr_epi64(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]));
        }
        for (std::size_t i = kRateWords; i < kStateWords; ++i) state[i] = _mm512_and_si512(state[i], keep);
        permute_avx512(state);
        std::uint64_t words[kDigestWords * 8];
        std::memcpy(words, state, sizeof words);
        lanes.advance(words);
    }
}

#endif  // AMP_KECCAK_X86

Permute choose_permute() {
#if defined(AMP_KECCAK_X86)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")) return &permute_bmi;
#endif
    return &permute_baseline;
}

Permute permute_for_this_cpu() {
    static const Permute chosen = choose_permute();
    return chosen;
}

KeccakUnit choose_unit() {
    for (const KeccakUnit unit : {KeccakUnit::kAvx512, KeccakUnit::kAvx2})
        if (is_supported(unit)) return unit;
    return KeccakUnit::kScalar;
}

}  // namespace

Hash32 keccak256(ByteView message) {
    Hash32 digest;
    hash_one(permute_for_this_cpu(), message, digest);
    return digest;
}

bool is_supported(KeccakUnit unit) {
    if (unit == KeccakUnit::kScalar) return true;
#if defined(AMP_KECCAK_X86)
    __builtin_cpu_init();
    const bool bmi = __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    if (unit == KeccakUnit::kAvx2) return bmi && __builtin_cpu_supports("avx2");
    return bmi && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw");
#else
    return false;
#endif
}

KeccakUnit fastest_keccak_unit() {
    static const KeccakUnit chosen = choose_unit();
    return chosen;
}

void keccak256_many_on(KeccakUnit unit, std::span<const ByteView> messages, std::span<Hash32> digests) {
#if defined(AMP_KECCAK_X86)
    // One or two messages are faster on the scalar units than in a mostly empty vector.
    if (unit == KeccakUnit::kAvx512 && messages.size() > 2) return hash_many_avx512(messages, digests);
    if (unit != KeccakUnit::kScalar && messages.size() > 1) return hash_many_avx2(messages, digests);
#endif
    const Permute permute = permute_for_this_cpu();
    for (std::size_t i = 0; i < messages.size(); ++i) hash_one(permute, messages[i], digests[i]);
}

void keccak256_many(std::span<const ByteView> messages, std::span<Hash32> digests) {
    keccak256_many_on(fastest_keccak_unit(), messages, digests);
}

void HashBatch::run() {
    if (digests_.size() < messages_.size()) digests_.resize(std::max(messages_.size(), 2 * digests_.size()));
    keccak256_many(messages_, digests_);
}

}  // namespace amp::evm

#if defined(AMP_KECCAK_X86)
#pragma GCC diagnostic pop
#endif
