// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "net/rpc_error.hpp"

#include <gtest/gtest.h>

namespace amp::net {
namespace {

using enum RpcErrorClass;

TEST(RpcError, HttpStatusesFallIntoTheirClasses) {
    for (const int status : {401, 403, 404}) EXPECT_EQ(classify_http_status(status), kAuth) << status;
    for (const int status : {408, 425, 500, 502, 503, 504, 520, 530})
        EXPECT_EQ(classify_http_status(status), kTransient) << status;
    EXPECT_EQ(classify_http_status(413), kTooLarge);
    EXPECT_EQ(classify_http_status(429), kRateLimited);
    EXPECT_EQ(classify_http_status(400), kConfig);
    EXPECT_EQ(classify_http_status(301), kConfig);
}

TEST(RpcError, NodeErrorsFallIntoTheirClasses) {
    const struct {
        std::int64_t code;
        const char* message;
        RpcErrorClass expected;
    } cases[] = {
        {-32601, "the method eth_getBlockReceipts does not exist/is not available", kUnsupported},
        {-32004, "Method not supported", kUnsupported},
        {-32600, "Invalid request", kUnsupported},
        {-32602, "Unknown block number", kLagging},
        {-32602, "header not found", kLagging},
        {-32602, "invalid argument 0: hex string without 0x prefix", kConfig},
        {-32005, "daily request count exceeded, request rate limited", kRateLimited},
        {-32005, "query returned more than 10000 results", kTooLarge},
        {-32016, "your client has been blocked", kRateLimited},
        {429, "Your app has exceeded its compute units per second capacity", kRateLimited},
        {-32000, "header not found", kLagging},
        {-32000, "missing trie node 0x12", kNoHistory},
        {-32000, "history has been pruned for this block", kNoHistory},
        {-32603, "out of credits", kRateLimited},
        {-32603, "Internal error", kTransient},
        {-32002, "request timed out", kTransient},
        {-32003, "response too large", kTooLarge},
        {-32000, "execution reverted: no", kConfig},
        {3, "execution reverted", kConfig},
        {4444, "pruned history unavailable", kNoHistory},
        {-39001, "Unknown block", kLagging},
        {-32001, "the method is not supported", kUnsupported},
    };
    for (const auto& one : cases)
        EXPECT_EQ(classify_node_error({one.code, one.message, {}}), one.expected)
            << one.code << " " << one.message;
}

TEST(RpcError, ReadsWaitingTimesOfNodes) {
    using namespace std::chrono_literals;
    EXPECT_EQ(
        parse_node_error(R"({"code":-32005,"message":"m","data":{"rate":{"backoff_seconds":2.5}}})").wait,
        2500ms);
    EXPECT_EQ(parse_node_error(R"({"code":429,"message":"m","data":{"try_again_in":"200ms"}})").wait, 200ms);
    EXPECT_FALSE(parse_node_error(R"({"code":429,"message":"m","data":{"retry_after":-1}})").wait);
}

TEST(RpcError, EveryErrorMemberSaysSomething) {
    EXPECT_EQ(parse_node_error(R"({"code":"-32005","message":"slow down"})").code, -32005);
    EXPECT_EQ(parse_node_error(R"("broken")").message, "broken");
    EXPECT_EQ(parse_node_error("[1]").message, "[1]");
    EXPECT_EQ(parse_node_error(R"({"code":3,"message":"execution reverted","data":"0x08"})").message,
              "execution reverted: 0x08");
}

ProviderConfig secret_provider() {
    ProviderConfig config;
    config.name = "paid";
    config.url = "https://user:hunter2@rpc.example:443/v2/SECRETKEY123?apikey=OTHERKEY456";
    config.auth_token = "tok-en";
    config.headers["x-api-key"] = "HEADERKEY789";
    return config;
}

TEST(Redactor, TakesEverySecretOutOfForeignText) {
    const Redactor redactor(secret_provider());
    const auto text = redactor.clean(
        "key SECRETKEY123 of https://user:hunter2@rpc.example:443/v2/SECRETKEY123?apikey=OTHERKEY456, "
        "OTHERKEY456, "
        "hunter2, tok-en and HEADERKEY789 are wrong");
    for (const auto* secret : {"SECRETKEY123", "OTHERKEY456", "hunter2", "tok-en", "HEADERKEY789"})
        EXPECT_EQ(text.find(secret), std::string::npos) << secret << " in " << text;
    EXPECT_NE(text.find("are wrong"), std::string::npos);
    EXPECT_EQ(secret_provider().redacted(), "\"paid\" (https://rpc.example:443/***)");
}

TEST(Redactor, MakesOneLineOfAtMost300Characters) {
    const Redactor redactor(secret_provider());
    EXPECT_EQ(redactor.clean(" a\r\n\tb\x1b \xff "), "a b ?");
    std::string wide;
    for (int i = 0; i < 400; ++i) wide += "\u00e9";
    EXPECT_EQ(redactor.clean(wide).size(), 600U + 3U);
    EXPECT_EQ(redactor.clean(""), "");
}

}  // namespace
}  // namespace amp::net
