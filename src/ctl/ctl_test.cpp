// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "ctl/api.hpp"
#include "ctl/table.hpp"

#include <gtest/gtest.h>

namespace amp::ctl {
namespace {

TEST(Table, AlignsTextLeftAndNumbersRight) {
    Table table({"ID", "NAME", "N"});
    table.row({"1", "a", "5"});
    table.row({"12", "bcd", "1,000"});
    EXPECT_EQ(table.text(), "ID  NAME      N\n 1  a         5\n12  bcd   1,000\n");
}

TEST(PathSegment, EncodesWhatAPathWouldSplit) { EXPECT_EQ(path_segment("a/b@1.0 c"), "a%2Fb%401.0%20c"); }

}  // namespace
}  // namespace amp::ctl
