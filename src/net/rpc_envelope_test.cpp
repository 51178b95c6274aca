// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "net/rpc_envelope.hpp"

#include "net/rpc_client.hpp"

#include <gtest/gtest.h>

#include <string>

namespace amp::net {
namespace {

struct Split {
    std::string body;
    Envelope envelope;
};

Split split(std::string_view text, std::uint64_t first_id, std::uint32_t calls, bool batch) {
    static EnvelopeSplitter splitter;
    Split out;
    out.body = std::string(text) + std::string(kJsonPadding, ' ');
    out.envelope = splitter.split({out.body.data(), text.size()}, first_id, calls, batch);
    return out;
}

TEST(EnvelopeSplitter, CutsResultsOutOfABatchInAnyOrder) {
    const auto out = split(
        R"( [ {"jsonrpc":"2.0","id":8,"result":{"a":[1,{"b":"}]"}]} } ,
              {"result" : null ,"id":"7","jsonrpc":"2.0"},
              {"id":9,"error":null,"result":"0x1\"}" },
              {"extra":{"id":1},"id":10,"error":{"code":1,"message":"m"}} ] )",
        7, 4, true);
    ASSERT_EQ(out.envelope.kind, EnvelopeKind::kAnswers);
    ASSERT_EQ(out.envelope.items.size(), 4U);
    EXPECT_EQ(out.envelope.items[0].result, "null");
    EXPECT_EQ(out.envelope.items[1].result, R"({"a":[1,{"b":"}]"}]})");
    EXPECT_EQ(out.envelope.items[2].result, R"("0x1\"}")");
    EXPECT_EQ(out.envelope.items[3].error, R"({"code":1,"message":"m"})");
}

TEST(EnvelopeSplitter, LeavesAMissingAnswerUnseen) {
    const auto out = split(R"([{"id":2,"result":2}])", 1, 2, true);
    ASSERT_EQ(out.envelope.kind, EnvelopeKind::kAnswers);
    EXPECT_FALSE(out.envelope.items[0].seen);
    EXPECT_EQ(out.envelope.items[1].result, "2");
}

TEST(EnvelopeSplitter, BothOrNeitherOfResultAndErrorIsContradictory) {
    const auto out =
        split(R"([{"id":1,"result":1,"error":{"code":1}},{"id":2},{"id":3,"error":null}])", 1, 3, true);
    ASSERT_EQ(out.envelope.kind, EnvelopeKind::kAnswers);
    for (const auto& item : out.envelope.items) EXPECT_TRUE(item.contradictory);
}

TEST(EnvelopeSplitter, ReadsASingleAnswer) {
    const auto out = split(R"({"jsonrpc":"2.0","id":5,"result":[]})", 5, 1, false);
    ASSERT_EQ(out.envelope.kind, EnvelopeKind::kAnswers);
    EXPECT_EQ(out.envelope.items[0].result, "[]");
    const auto anonymous = split(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700}})", 5, 1, false);
    ASSERT_EQ(anonymous.envelope.kind, EnvelopeKind::kAnswers);
    EXPECT_EQ(anonymous.envelope.items[0].error, R"({"code":-32700})");
}

TEST(EnvelopeSplitter, OneErrorForAWholeBatch) {
    for (const auto* text :
         {R"({"id":null,"error":{"code":-32600}})", R"([{"id":null,"error":{"code":-32600}}])",
          R"({"id":1,"error":{"code":-32600}})"}) {
        const auto out = split(text, 1, 3, true);
        ASSERT_EQ(out.envelope.kind, EnvelopeKind::kBatchError) << text;
        EXPECT_EQ(out.envelope.error, R"({"code":-32600})");
    }
}

TEST(EnvelopeSplitter, RefusesForeignAndRepeatedIds) {
    for (const auto* text :
         {R"([{"id":3,"result":1}])", R"([{"id":0,"result":1}])",
          R"([{"id":1,"result":1},{"id":1,"result":1}])", R"([{"id":-1,"result":1}])",
          R"([{"id":"x","result":1}])", R"([{"id":1.5,"result":1}])", R"([{"result":1}])",
          R"([{"id":1,"result":1},{"id":null,"error":{}}])", R"([{"id":99999999999999999999,"result":1}])"})
        EXPECT_EQ(split(text, 1, 2, true).envelope.kind, EnvelopeKind::kForeignId) << text;
}

TEST(EnvelopeSplitter, TellsDamagedJsonFromOtherText) {
    const std::string whole =
        R"([{"jsonrpc":"2.0","id":1,"result":{"a":"b","c":[1,2]}},{"id":2,"result":"x"}])";
    ASSERT_EQ(split(whole, 1, 2, true).envelope.kind, EnvelopeKind::kAnswers);
    for (std::size_t length = 1; length < whole.size(); ++length)
        EXPECT_EQ(split(whole.substr(0, length), 1, 2, true).envelope.kind, EnvelopeKind::kTruncated)
            << length;
    EXPECT_EQ(split(whole + "]", 1, 2, true).envelope.kind, EnvelopeKind::kTruncated);
    EXPECT_EQ(split(R"([{"id":1,"id":1,"result":1}])", 1, 2, true).envelope.kind, EnvelopeKind::kTruncated);
    for (const auto* text : {"", "  ", "<html>", "bad gateway", "17", "\"x\"", "null"})
        EXPECT_EQ(split(text, 1, 2, true).envelope.kind, EnvelopeKind::kNotJson) << text;
}

TEST(EnvelopeSplitter, DeepNestingDoesNoHarm) {
    const std::string deep(200'000, '[');
    EXPECT_NE(split(R"({"id":1,"result":)" + deep, 1, 1, false).envelope.kind, EnvelopeKind::kAnswers);
}

}  // namespace
}  // namespace amp::net
