// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "evm/types.hpp"

#include <gtest/gtest.h>

namespace amp::evm {
namespace {

TEST(Arena, KeepsSpansInPlaceWhileItGrows) {
    Arena arena;
    std::vector<ByteView> copies;
    for (std::size_t i = 0; i < 2000; ++i)
        copies.push_back(arena.copy(Bytes(i, static_cast<std::uint8_t>(i))));
    for (std::size_t i = 0; i < copies.size(); ++i) {
        ASSERT_EQ(copies[i].size(), i);
        for (const std::uint8_t byte : copies[i]) ASSERT_EQ(byte, static_cast<std::uint8_t>(i));
    }
}

TEST(Arena, ReusesItsChunksAfterClear) {
    Arena arena;
    std::size_t capacity = 0;
    for (int round = 0; round < 3; ++round) {
        arena.clear();
        for (const std::size_t size : {100U, 50'000U, 70'000U, 1U, 400'000U, 30U}) arena.allocate(size);
        if (round == 0) capacity = arena.capacity();
        EXPECT_EQ(arena.capacity(), capacity);
    }
}

TEST(Arena, CopiesText) {
    Arena arena;
    std::string text = "abc";
    const std::string_view copy = arena.copy(std::string_view(text));
    text = "xyz";
    EXPECT_EQ(copy, "abc");
    EXPECT_TRUE(arena.copy(std::string_view()).empty());
}

TEST(Block, ClearLeavesNothingOfTheBlockBefore) {
    Block block;
    block.header.number = 7;
    block.header.requests_hash = Hash32{};
    block.transactions.resize(3);
    block.receipts.resize(3);
    block.logs.resize(2);
    block.withdrawals.resize(1);
    block.uncle_hashes.resize(1);
    block.access_entries.resize(1);
    block.storage_keys.resize(1);
    block.blob_hashes.resize(1);
    block.authorizations.resize(1);
    block.clear();
    EXPECT_EQ(block.header.number, 0U);
    EXPECT_FALSE(block.header.requests_hash);
    EXPECT_TRUE(block.transactions.empty() && block.receipts.empty() && block.logs.empty());
    EXPECT_TRUE(block.withdrawals.empty() && block.uncle_hashes.empty() && block.access_entries.empty());
    EXPECT_TRUE(block.storage_keys.empty() && block.blob_hashes.empty() && block.authorizations.empty());
    EXPECT_GE(block.transactions.capacity(), 3U);
}

}  // namespace
}  // namespace amp::evm
