// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/engine_setup.hpp"
#include "query/query_fixture.hpp"

#include <gtest/gtest.h>
#include <duckdb/main/valid_checker.hpp>

namespace amp::query {
namespace {

TEST(LiveDatabase, ReplacesAnEngineThatFailed) {
    testing::World world;
    auto live = LiveDatabase::open(*world.objects, {});
    ASSERT_TRUE(live.ok());
    const auto first = (*live)->get().value();
    EXPECT_EQ((*live)->get().value(), first);

    duckdb::ValidChecker::Get(*first->instance).Invalidate("an internal error");
    const auto second = (*live)->get().value();
    EXPECT_NE(second, first);
    duckdb::Connection connection(*second);
    EXPECT_FALSE(connection.Query("SELECT 1")->HasError());
}

}  // namespace
}  // namespace amp::query
