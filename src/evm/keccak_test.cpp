// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "evm/keccak.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace amp::evm {
namespace {

std::string hash_of(std::string_view text) { return to_hex(keccak256(as_bytes(text)).view()); }

TEST(Keccak, HashesKnownVectors) {
    EXPECT_EQ(hash_of(""), "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
    EXPECT_EQ(hash_of("abc"), "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
    EXPECT_EQ(hash_of("Transfer(address,address,uint256)"),
              "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
    EXPECT_EQ(hash_of("The quick brown fox jumps over the lazy dog"),
              "4d741b6f1eb29cb2a9b9911c82f56fa8d73b04959d3d9d222895df6c0b28aa15");
    // The empty trie and the empty list of ommers.
    EXPECT_EQ(hash_of("\x80"), "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
    EXPECT_EQ(hash_of("\xc0"), "1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
}

// The vectors were computed with an independent implementation; the lengths lie around the block of 136
// bytes.
TEST(Keccak, HashesLengthsAroundTheBlockSize) {
    EXPECT_EQ(hash_of(std::string(135, 'a')),
              "34367dc248bbd832f4e3e69dfaac2f92638bd0bbd18f2912ba4ef454919cf446");
    EXPECT_EQ(hash_of(std::string(136, 'a')),
              "a6c4d403279fe3e0af03729caada8374b5ca54d8065329a3ebcaeb4b60aa386e");
    EXPECT_EQ(hash_of(std::string(137, 'a')),
              "d869f639c7046b4929fc92a4d988a8b22c55fbadb802c0c66ebcd484f1915f39");
}

class KeccakUnits : public testing::TestWithParam<KeccakUnit> {};

TEST_P(KeccakUnits, AgreeWithTheScalarOneOnEveryBatch) {
    if (!is_supported(GetParam())) GTEST_SKIP() << "this processor lacks the instructions";
    std::mt19937_64 random(7);
    Bytes text(2000);
    for (auto& byte : text) byte = static_cast<std::uint8_t>(random());
    for (std::size_t count = 0; count <= 40; ++count) {
        for (int round = 0; round < 4; ++round) {
            std::vector<ByteView> messages;
            for (std::size_t i = 0; i < count; ++i) {
                const std::size_t size = random() % (round % 2 == 0 ? 2001 : 140);
                messages.push_back(ByteView(text).subspan(random() % (2001 - size), size));
            }
            std::vector<Hash32> digests(count);
            keccak256_many_on(GetParam(), messages, digests);
            for (std::size_t i = 0; i < count; ++i)
                ASSERT_EQ(digests[i], keccak256(messages[i])) << count << " " << i;
        }
    }
}

TEST_P(KeccakUnits, HashEveryLength) {
    if (!is_supported(GetParam())) GTEST_SKIP() << "this processor lacks the instructions";
    const Bytes text(2000, 0x5a);
    std::vector<ByteView> messages;
    for (std::size_t size = 0; size <= text.size(); ++size) messages.push_back(ByteView(text).first(size));
    std::vector<Hash32> digests(messages.size());
    keccak256_many_on(GetParam(), messages, digests);
    for (std::size_t i = 0; i < messages.size(); ++i) ASSERT_EQ(digests[i], keccak256(messages[i])) << i;
}

INSTANTIATE_TEST_SUITE_P(All, KeccakUnits,
                         testing::Values(KeccakUnit::kScalar, KeccakUnit::kAvx2, KeccakUnit::kAvx512));

TEST(HashBatch, NumbersMessagesInTheOrderTheyCome) {
    HashBatch batch;
    for (int round = 0; round < 2; ++round) {
        batch.clear();
        EXPECT_EQ(batch.add(as_bytes("abc")), 0U);
        EXPECT_EQ(batch.add({}), 1U);
        batch.run();
        EXPECT_EQ(batch.digest(0), keccak256(as_bytes("abc")));
        EXPECT_EQ(batch.digest(1), keccak256({}));
    }
}

}  // namespace
}  // namespace amp::evm
