// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/bounded_queue.hpp"
#include "runtime/progress.hpp"
#include "runtime/wait.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace amp::runtime {
namespace {

TEST(BoundedQueue, KeepsOrderAndNeverHoldsMoreThanItsCapacity) {
    BoundedQueue<int> queue(2);
    std::jthread producer([&](const std::stop_token& stop) {
        for (int i = 0; i < 1000; ++i) ASSERT_TRUE(queue.push(i, stop));
        queue.close();
    });
    std::stop_source never;
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(queue.pop(never.get_token()), i);
    EXPECT_EQ(queue.pop(never.get_token()), std::nullopt);
}

TEST(BoundedQueue, GivesUpWhenTheStopIsRequested) {
    BoundedQueue<int> queue(1);
    std::stop_source source;
    ASSERT_TRUE(queue.push(1, source.get_token()));
    std::jthread stopper([&] { source.request_stop(); });
    EXPECT_FALSE(queue.push(2, source.get_token()));
}

TEST(WaitFor, EndsAtOnceWhenTheStopIsRequested) {
    std::stop_source source;
    source.request_stop();
    EXPECT_FALSE(wait_for(std::chrono::hours(1), source.get_token()));
}

TEST(ProgressReporter, WritesOneJsonObjectPerEvent) {
    testing::internal::CaptureStdout();
    {
        ProgressReporter reporter(ProgressMode::kJson);
        const auto counters = reporter.add("_/x");
        counters->total = 10;
        reporter.start();
        counters->done = 10;
        counters->finished = true;
    }
    const std::string text = testing::internal::GetCapturedStdout();
    EXPECT_NE(text.find(R"("event":"started")"), std::string::npos);
    EXPECT_NE(text.find(R"("event":"completed")"), std::string::npos);
    EXPECT_NE(text.find(R"("blocks_done":10)"), std::string::npos);
}

}  // namespace
}  // namespace amp::runtime
