// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/address.hpp"
#include "serve/query_gate.hpp"
#include "serve/running_query.hpp"
#include "serve/status_map.hpp"

#include <arrow/flight/types.h>
#include <arrow/status.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace amp::serve {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST(ListenAddress, AllFormsParse) {
    const auto check = [](std::string_view text, std::string_view host, int port) {
        const auto parsed = parse_listen_address(text);
        ASSERT_TRUE(parsed.ok()) << parsed.error().message;
        EXPECT_EQ(parsed->host, host);
        EXPECT_EQ(parsed->port, port);
    };
    check("0.0.0.0:1602", "0.0.0.0", 1602);
    check("localhost:0", "localhost", 0);
    check(":1603", "", 1603);
    check("[::1]:65535", "::1", 65535);
    for (const std::string_view bad :
         {"", "1602", "host:", "host:x", "host:65536", "host:-1", "::1:80", "[::1", "a/b:1"}) {
        const auto parsed = parse_listen_address(bad);
        ASSERT_FALSE(parsed.ok()) << bad;
        EXPECT_EQ(parsed.error().code, Code::kInvalidArgument);
        EXPECT_THAT(parsed.error().message, testing::HasSubstr(fmt::format("\"{}\"", bad)));
    }
}

TEST(QueryGate, LimitsRunningAndQueuedQueries) {
    QueryGate gate({.max_concurrent = 1, .max_queued = 1});
    const auto far = Clock::now() + 1h;
    auto first = gate.enter({}, far);
    ASSERT_TRUE(first.ok());
    auto second = std::async(std::launch::async, [&] { return gate.enter({}, far); });
    while (gate.load().waiting == 0) std::this_thread::yield();
    const auto third = gate.enter({}, far);
    ASSERT_FALSE(third.ok());
    EXPECT_EQ(third.error().code, Code::kResourceExhausted);
    EXPECT_EQ(third.error().reason, "TOO_MANY_QUERIES");
    first->reset();
    EXPECT_TRUE(second.get().ok());
}

TEST(QueryGate, AWaitEndsWithItsDeadline) {
    QueryGate gate({.max_concurrent = 1, .max_queued = 8});
    const auto first = gate.enter({}, Clock::now() + 1h);
    const auto second = gate.enter({}, Clock::now());
    EXPECT_EQ(second.error().code, Code::kDeadlineExceeded);
    EXPECT_EQ(second.error().reason, "QUERY_TIMEOUT");
    EXPECT_EQ(gate.load().waiting, 0);
}

TEST(QueryGate, AStopEndsTheWait) {
    QueryGate gate({.max_concurrent = 1, .max_queued = 8});
    const auto far = Clock::now() + 1h;
    const auto first = gate.enter({}, far);
    std::stop_source stop;
    auto second = std::async(std::launch::async, [&] { return gate.enter(stop.get_token(), far); });
    stop.request_stop();
    EXPECT_EQ(second.get().error().code, Code::kCancelled);
}

TEST(QueryGate, DrainRefusesNewQueriesAndWaitsForOldOnes) {
    QueryGate gate({.max_concurrent = 2, .max_queued = 8});
    auto slot = gate.enter({}, Clock::now() + 1h);
    gate.drain();
    EXPECT_EQ(gate.enter({}, Clock::now() + 1h).error().reason, "DRAINING");
    EXPECT_FALSE(gate.wait_idle(Clock::now()));
    auto idle = std::async(std::launch::async, [&] { return gate.wait_idle(Clock::now() + 1h); });
    slot->reset();
    EXPECT_TRUE(idle.get());
}

TEST(StatusMap, ReasonsAndCodesDecideTheStatus) {
    const auto http = [](Code code, std::string reason) {
        return to_public(Error{code, "text", std::move(reason)}, "id").http;
    };
    EXPECT_EQ(http(Code::kInvalidArgument, "SQL_PARSE_ERROR"), 400);
    EXPECT_EQ(http(Code::kNotFound, "CATALOG_FOR_SQL_ERROR"), 404);
    EXPECT_EQ(http(Code::kResourceExhausted, "TOO_MANY_QUERIES"), 429);
    EXPECT_EQ(http(Code::kResourceExhausted, "MEMORY_LIMIT_EXCEEDED"), 422);
    EXPECT_EQ(http(Code::kDeadlineExceeded, "QUERY_TIMEOUT"), 504);
    EXPECT_EQ(http(Code::kUnavailable, "NOT_READY"), 503);
    EXPECT_EQ(http(Code::kUnsupported, "READ_ONLY"), 501);
    EXPECT_EQ(http(Code::kInternal, ""), 500);
    EXPECT_EQ(to_public(Error{Code::kInternal, "text", ""}, "id").code, "CORE_EXECUTION_ERROR");
}

TEST(StatusMap, ErrorsOfTheServerHideTheirCause) {
    const PublicError shown = to_public(Error{Code::kCorruption, "file /secret is broken", ""}, "abc");
    EXPECT_THAT(shown.message,
                testing::AllOf(testing::HasSubstr("abc"), testing::Not(testing::HasSubstr("secret"))));
}

TEST(StatusMap, FlightStatusesAreOfTheSendableSet) {
    const auto status = [](Code code, std::string reason) {
        return to_flight_status(to_public(Error{code, "text", std::move(reason)}, "id"));
    };
    EXPECT_EQ(status(Code::kInvalidArgument, "INVALID_PLAN").ToString(), "Invalid: INVALID_PLAN: text");
    EXPECT_TRUE(status(Code::kNotFound, "").IsKeyError());
    EXPECT_TRUE(status(Code::kUnsupported, "").IsNotImplemented());
    const auto flight = [&](Code code) {
        return arrow::flight::FlightStatusDetail::UnwrapStatus(status(code, ""))->code();
    };
    EXPECT_EQ(flight(Code::kUnavailable), arrow::flight::FlightStatusCode::Unavailable);
    EXPECT_EQ(flight(Code::kResourceExhausted), arrow::flight::FlightStatusCode::Unavailable);
    EXPECT_EQ(flight(Code::kDeadlineExceeded), arrow::flight::FlightStatusCode::TimedOut);
    EXPECT_EQ(flight(Code::kCancelled), arrow::flight::FlightStatusCode::Cancelled);
}

TEST(SqlText, IsChecked) {
    EXPECT_TRUE(check_sql_text("SELECT 1", "X").ok());
    EXPECT_EQ(check_sql_text(" \n\t", "X").error().reason, "X");
    EXPECT_EQ(check_sql_text("\xff", "X").error().reason, "X");
    EXPECT_FALSE(check_sql_text(std::string(kSqlBytesMax + 1, ' '), "X").ok());
}

TEST(TimeLimit, IsLoweredNeverRaised) {
    EXPECT_EQ(*time_limit(10s, ""), 10s);
    EXPECT_EQ(*time_limit(10s, "2.5"), 2500ms);
    EXPECT_EQ(*time_limit(10s, "1e9"), 10s);
    EXPECT_EQ(*time_limit(0s, "3"), 3s);
    for (const std::string_view bad : {"x", "-1", "0", "1s", "nan", "inf"})
        EXPECT_EQ(time_limit(10s, bad).error().reason, "INVALID_HEADER") << bad;
}

}  // namespace
}  // namespace amp::serve
