// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "evm/json_members.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace amp::evm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> walked(std::string_view object) {
    std::vector<std::string> out;
    JsonMembers members(object);
    while (const auto member = members.next())
        out.push_back(std::string(member->key) + "=" + std::string(member->value));
    return out;
}

TEST(JsonMembers, WalksTheOuterObjectOnly) {
    EXPECT_THAT(
        walked(R"({"a":1,"b":{"c":[1,{"d":2}],"e":"}"},"f":["x,y"],"g":"q\"},","h":null})"),
        ElementsAre("a=1", R"(b={"c":[1,{"d":2}],"e":"}"})", R"(f=["x,y"])", R"(g="q\"},")", "h=null"));
    EXPECT_THAT(walked("{}"), IsEmpty());
    EXPECT_THAT(walked(""), IsEmpty());
}

TEST(JsonMembers, EndsAtTextThatIsNoCompactObject) {
    EXPECT_THAT(walked("[1]"), IsEmpty());
    EXPECT_THAT(walked(R"({"a":1)"), IsEmpty());
    EXPECT_THAT(walked(R"({"a":)"), IsEmpty());
    EXPECT_THAT(walked(R"({"a)"), IsEmpty());
    EXPECT_THAT(walked(R"({"a\)"), IsEmpty());
    EXPECT_THAT(walked(R"({"a":1,"b":"x)"), ElementsAre("a=1"));
    EXPECT_THAT(walked(R"({"a":})"), IsEmpty());
}

TEST(JsonMembers, FindsOneByName) {
    constexpr std::string_view kObject = R"({"receipt":{"x":1},"tx":{"x":2}})";
    EXPECT_EQ(find_json_member(kObject, "tx"), R"({"x":2})");
    EXPECT_EQ(find_json_member(kObject, "x"), std::nullopt);
}

}  // namespace
}  // namespace amp::evm
