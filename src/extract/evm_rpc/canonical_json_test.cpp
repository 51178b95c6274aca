// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "extract/evm_rpc/canonical_json.hpp"

#include <gtest/gtest.h>

namespace amp::extract::evm_rpc {
namespace {

std::string canonical(std::string_view text) {
    std::string out;
    const auto done = append_canonical_json(out, text);
    return done.ok() ? out : "error: " + done.error().message;
}

TEST(CanonicalJson, SortsKeysAtEveryLevelAndDropsSpace) {
    EXPECT_EQ(canonical(R"( { "b" : [ 1 , {"z":null, "a":true} ] , "B":2, "a" : "x y" } )"),
              R"({"B":2,"a":"x y","b":[1,{"a":true,"z":null}]})");
    EXPECT_EQ(canonical("[]"), "[]");
    EXPECT_EQ(canonical("{}"), "{}");
    EXPECT_EQ(canonical("[[],[{}]]"), "[[],[{}]]");
}

TEST(CanonicalJson, KeepsTheSpellingOfScalars) {
    EXPECT_EQ(canonical(R"(["a\/b","\u00e9",1.50e+3,-0,0x])"), "error: is not valid JSON");
    EXPECT_EQ(canonical(R"(["a\/b","\u00e9",1.50e+3,-0])"), R"(["a\/b","\u00e9",1.50e+3,-0])");
}

TEST(CanonicalJson, SortsByWhatAKeyMeans) {
    EXPECT_EQ(canonical(R"({"\u0062":1,"a":2})"), R"({"a":2,"b":1})");
    EXPECT_EQ(canonical(R"({"\u0061":1,"a":2})"), "error: repeats a key");
    EXPECT_EQ(canonical(R"({"\ud83d\ude00":1})"), "{\"\xf0\x9f\x98\x80\":1}");
}

TEST(CanonicalJson, RefusesWhatIsNotJson) {
    for (const std::string_view text :
         {"",      " ",   "{",   "[1",      "[1,]",        "{\"a\"}",     "{\"a\":}",  "{\"a\":1,}",
          "{a:1}", "01",  "1.",  ".5",      "-",           "1e",          "+1",        "tru",
          "nullx", "1 2", "\"a", "\"\\q\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\u12\"", "\"a\nb\"",
          "[1}",   "{]",  "\"\\"})
        EXPECT_EQ(canonical(text), "error: is not valid JSON") << text;
}

TEST(CanonicalJson, BoundsTheNesting) {
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    EXPECT_EQ(canonical(nested(60)), nested(60));
    EXPECT_EQ(canonical(nested(65)), "error: nests too deep");
    EXPECT_EQ(canonical(std::string(1'000'000, '[')), "error: nests too deep");
}

TEST(CanonicalObject, LeavesOutNullAndRefusesTwins) {
    std::string out;
    std::vector<RawMember> members{{"z", "1 "}, {"n", "null "}, {"a", "{\"k\": null}"}};
    ASSERT_TRUE(append_canonical_object(out, members).ok());
    EXPECT_EQ(out, R"({"a":{"k":null},"z":1})");

    out.clear();
    members = {{"n", "null"}};
    ASSERT_TRUE(append_canonical_object(out, members).ok());
    EXPECT_EQ(out, "");

    members = {{"n", "null"}, {"n", "1"}};
    EXPECT_EQ(append_canonical_object(out, members).error().message, "holds the key \"n\" twice");
    members = {{"n", "nul"}};
    EXPECT_EQ(append_canonical_object(out, members).error().message, "field \"n\" is not valid JSON");
}

}  // namespace
}  // namespace amp::extract::evm_rpc
