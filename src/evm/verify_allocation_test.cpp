// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "evm/sample_block_test.hpp"
#include "evm/verify.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

// Counted by the replaced operator new.
std::atomic<std::size_t> allocation_count = 0;

}  // namespace

// Not inlined: GCC would take free() for a mismatch with the operator new it replaces.
__attribute__((noinline)) void* operator new(std::size_t size) {
    ++allocation_count;
    if (void* const room = std::malloc(size)) return room;
    throw std::bad_alloc();
}
__attribute__((noinline)) void operator delete(void* room) noexcept { std::free(room); }
__attribute__((noinline)) void operator delete(void* room, std::size_t) noexcept { std::free(room); }

namespace amp::evm {
namespace {

TEST(Verifier, AllocatesNothingForABlockLikeTheOneBefore) {
    Verifier verifier;
    const Block block = naive::make_sealed_block();
    ASSERT_TRUE(verifier.verify(block, true, true).ok());
    const std::size_t before = allocation_count;
    const auto verdicts = verifier.verify(block, true, true);
    EXPECT_EQ(allocation_count, before);
    EXPECT_TRUE(verdicts.ok());
}

}  // namespace
}  // namespace amp::evm
