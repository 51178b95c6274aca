// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "net/rpc_limits.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace amp::net {
namespace {

using namespace std::chrono_literals;

const SteadyTime kStart{1000s};

TEST(BatchSizer, GrowsByTwoAfterTwentyCleanBatchesUpToTheBound) {
    BatchSizer sizer(10, 13);
    for (int i = 0; i < 19; ++i) sizer.on_clean(10);
    EXPECT_EQ(sizer.size(), 10U);
    sizer.on_clean(10);
    EXPECT_EQ(sizer.size(), 12U);
    for (int i = 0; i < 40; ++i) sizer.on_clean(12);
    EXPECT_EQ(sizer.size(), 13U);
}

TEST(BatchSizer, SmallBatchesProveNothing) {
    BatchSizer sizer(10, 200);
    for (int i = 0; i < 100; ++i) sizer.on_clean(4);
    EXPECT_EQ(sizer.size(), 10U);
}

TEST(BatchSizer, FailuresOfOneSizeHalveOnce) {
    BatchSizer sizer(100, 200);
    for (int i = 0; i < 8; ++i) sizer.on_failed(100);
    EXPECT_EQ(sizer.size(), 50U);
    sizer.on_failed(3);
    EXPECT_EQ(sizer.size(), 1U);
    sizer.on_failed(1);
    EXPECT_EQ(sizer.size(), 1U);
}

TEST(ConcurrencyLimiter, GrowsByOneAfterAsManySuccessesAsTheLimit) {
    ConcurrencyLimiter limiter(8, 10);
    for (int i = 0; i < 7; ++i) limiter.on_success(kStart, std::nullopt);
    EXPECT_EQ(limiter.limit(), 8U);
    limiter.on_success(kStart, std::nullopt);
    EXPECT_EQ(limiter.limit(), 9U);
    for (int i = 0; i < 100; ++i) limiter.on_success(kStart, std::nullopt);
    EXPECT_EQ(limiter.limit(), 10U);
}

TEST(ConcurrencyLimiter, HalvesAtMostOncePerSecondAndStaysAboveZero) {
    ConcurrencyLimiter limiter(8, 100);
    limiter.on_congestion(kStart);
    limiter.on_congestion(kStart + 900ms);
    EXPECT_EQ(limiter.limit(), 4U);
    for (int i = 1; i < 10; ++i) limiter.on_congestion(kStart + 1s * i);
    EXPECT_EQ(limiter.limit(), 1U);
}

TEST(ConcurrencyLimiter, DoesNotGrowWhileLatencyIsAboveTwiceItsMinimum) {
    ConcurrencyLimiter limiter(1, 1000);
    for (int i = 0; i < 21; ++i) limiter.on_success(kStart, 10ms);
    for (int i = 0; i < 21; ++i) limiter.on_success(kStart + 1s, 30ms);
    const auto held = limiter.limit();
    for (int i = 0; i < 200; ++i) limiter.on_success(kStart + 2s, 30ms);
    EXPECT_EQ(limiter.limit(), held);
    // The minimum is forgotten after a minute.
    for (int i = 0; i < 200; ++i) limiter.on_success(kStart + 90s, 30ms);
    EXPECT_GT(limiter.limit(), held);
}

TEST(RateGate, WithoutALimitNothingWaits) {
    RateGate gate(0);
    for (int i = 0; i < 1000; ++i) gate.spend(100, kStart);
    EXPECT_EQ(gate.ready_at(kStart), kStart);
    EXPECT_FALSE(gate.burst());
}

TEST(RateGate, HoldsOneSecondOfTokensAndThenTheRate) {
    RateGate gate(10);
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(gate.ready_at(kStart), kStart);
        gate.spend(1, kStart);
    }
    const auto next = gate.ready_at(kStart);
    EXPECT_NEAR(std::chrono::duration<double>(next - kStart).count(), 0.1, 0.001);
    EXPECT_EQ(gate.ready_at(next), next);
    EXPECT_DOUBLE_EQ(*gate.burst(), 10.0);
}

TEST(RateGate, ALargeRequestGoesAtOnceAndTheNextOnesPayForIt) {
    RateGate gate(1);
    EXPECT_EQ(gate.ready_at(kStart), kStart);
    gate.spend(5, kStart);
    EXPECT_NEAR(std::chrono::duration<double>(gate.ready_at(kStart) - kStart).count(), 5.0, 0.01);
}

// A server that allows 50 per second, by a bucket of one second; requests of cost 1 every millisecond at
// most.
TEST(RateGate, LearnsTheRateOfAServerThatRefuses) {
    constexpr double kAllowed = 50;
    RateGate gate(0);
    double bucket = kAllowed;
    int accepted = 0, refused = 0;
    for (auto now = kStart; now < kStart + 40s; now += 1ms) {
        bucket = std::min(kAllowed, bucket + kAllowed / 1000);
        if (gate.ready_at(now) > now) continue;
        gate.spend(1, now);
        const bool settled = now >= kStart + 10s;
        if (bucket >= 1) {
            bucket -= 1;
            gate.on_accepted(1, now);
            accepted += settled;
        } else {
            gate.on_refused(now);
            refused += settled;
        }
    }
    EXPECT_GE(accepted, 0.8 * kAllowed * 30);
    EXPECT_LE(refused, accepted / 10);
}

TEST(RateGate, ForgetsALearntRateAfterAMinute) {
    RateGate gate(0);
    gate.on_accepted(1, kStart);
    gate.on_refused(kStart + 1s);
    EXPECT_GT(gate.rate(), 0);
    static_cast<void>(gate.ready_at(kStart + 62s));
    EXPECT_EQ(gate.rate(), 0);
}

}  // namespace
}  // namespace amp::net
