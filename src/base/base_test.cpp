// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.hpp"
#include "base/glob.hpp"
#include "base/json_text.hpp"
#include "base/log.hpp"
#include "base/nearest.hpp"
#include "base/result.hpp"
#include "base/sha256.hpp"
#include "base/time.hpp"
#include "base/uint256.hpp"

#include <gtest/gtest.h>

namespace amp {
namespace {

TEST(Hex, DecodesEveryLengthAndRefusesEveryOtherCharacter) {
    for (std::size_t digits = 0; digits <= 200; digits += 2) {
        Bytes want(digits / 2);
        for (std::size_t i = 0; i < want.size(); ++i) want[i] = static_cast<std::uint8_t>(i * 37 + digits);
        std::string text = to_hex(want);
        EXPECT_EQ(parse_hex(text), want);
        EXPECT_EQ(parse_hex("0x" + text), want);
        for (std::size_t at = 0; at < digits; ++at) {
            for (const char bad : {'g', 'G', '/', ':', '@', '`', '\0', '\x80', ' '}) {
                std::string broken = text;
                broken[at] = bad;
                EXPECT_FALSE(parse_hex(broken)) << digits << " " << at << " " << bad;
            }
        }
    }
    EXPECT_FALSE(parse_hex("0x123"));
}

TEST(Glob, MatchesTheWholeTextWithStarsAndQuestionMarks) {
    for (const auto* text : {"", "a", "worker-01", "*"}) {
        EXPECT_TRUE(glob_matches("*", text));
        EXPECT_TRUE(glob_matches("***", text));
        EXPECT_TRUE(glob_matches(text, text));
    }
    EXPECT_TRUE(glob_matches("worker-*", "worker-"));
    EXPECT_TRUE(glob_matches("worker-*", "worker-01"));
    EXPECT_TRUE(glob_matches("w?rker-0?", "worker-01"));
    EXPECT_TRUE(glob_matches("*-0*1", "a-0-011"));
    EXPECT_TRUE(glob_matches("*ab*ab", "abaabab"));
    EXPECT_FALSE(glob_matches("", "a"));
    EXPECT_FALSE(glob_matches("?", ""));
    EXPECT_FALSE(glob_matches("worker", "worker-01"));
    EXPECT_FALSE(glob_matches("Worker-*", "worker-01"));
    EXPECT_FALSE(glob_matches("w[o]rker", "worker"));
    EXPECT_FALSE(glob_matches("*a?", "aa-a"));
    // Backtracks over one star only, so this ends.
    EXPECT_FALSE(glob_matches("*a*a*a*a*a*a*a*a*a*a*a*a*b", std::string(2000, 'a')));
    EXPECT_TRUE(is_glob("a*"));
    EXPECT_TRUE(is_glob("?"));
    EXPECT_FALSE(is_glob("worker-01"));
}

TEST(Uint256, RoundTripsThroughHexDecimalAndBytes) {
    const std::string max = std::string(64, 'f');
    const auto value = parse_uint256_hex(max);
    ASSERT_TRUE(value);
    EXPECT_EQ(value->to_decimal(),
              "115792089237316195423570985008687907853269984665640564039457584007913129639935");
    EXPECT_EQ(parse_uint256_decimal(value->to_decimal()), value);
    EXPECT_EQ(Uint256::from_big_endian(value->to_big_endian().view()), *value);
    EXPECT_FALSE(parse_uint256_hex("1" + max));
    EXPECT_TRUE(parse_uint256_hex("000" + max));
    EXPECT_FALSE(parse_uint256_decimal(value->to_decimal() + "0"));
    EXPECT_EQ(Uint256{}.to_decimal(), "0");
    EXPECT_EQ(parse_uint256_decimal("10000000000000000000")->to_decimal(), "10000000000000000000");
    EXPECT_EQ(parse_uint256_decimal("100000000000000000000000000000000000000")->to_decimal(),
              "100000000000000000000000000000000000000");
    EXPECT_FALSE(checked_add(*value, 1));
    EXPECT_EQ(subtract(*value, *value), Uint256{});
}

TEST(Uint256, FitsDecimal38UpToTheLargestOfThatType) {
    EXPECT_TRUE(parse_uint256_decimal("99999999999999999999999999999999999999")->fits_decimal38());
    EXPECT_FALSE(parse_uint256_decimal("100000000000000000000000000000000000000")->fits_decimal38());
}

TEST(Sha256, HashesTheEmptyString) {
    EXPECT_EQ(to_hex(sha256({}).view()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(JsonText, EscapesOnlyWhatMustBeAndReplacesBadUtf8) {
    EXPECT_EQ(json_quote("a\"b\\c\n\x01/é"), "\"a\\\"b\\\\c\\n\\u0001/é\"");
    EXPECT_EQ(json_quote("\xff\xc0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(Nearest, FindsTypingErrorsAndNothingElse) {
    EXPECT_EQ(did_you_mean("eth_mainet", {"eth_mainnet", "anvil"}), "; did you mean \"eth_mainnet\"?");
    EXPECT_EQ(did_you_mean("zzzzzz", {"eth_mainnet"}), "");
}

TEST(RedactUrl, KeepsSchemeHostAndPortOnly) {
    EXPECT_EQ(log::redact_url("https://user:pw@rpc.example:8545/v2/KEY?x=1"), "https://rpc.example:8545/***");
    EXPECT_EQ(log::redact_url("http://localhost:8545"), "http://localhost:8545");
    EXPECT_EQ(log::redact_url("nonsense"), "***");
}

TEST(Time, FormatsUtcAndMakesOrderedUuids) {
    EXPECT_EQ(format_utc_ms(1'700'000'000'123'456), "2023-11-14T22:13:20.123Z");
    const std::string id = make_uuid_v7();
    EXPECT_EQ(id.size(), 36U);
    EXPECT_EQ(id[14], '7');
}

Result<int> half(int value) {
    if (value % 2 != 0) return make_error(Code::kInvalidArgument, "{} is odd", value);
    return value / 2;
}

Result<int> quarter(int value) {
    TRY_ASSIGN(const int once, half(value));
    TRY_ASSIGN(const int twice, half(once));
    return twice;
}

TEST(Result, CarriesTheErrorThroughTry) {
    EXPECT_EQ(*quarter(8), 2);
    EXPECT_EQ(quarter(6).error().message, "3 is odd");
}

}  // namespace
}  // namespace amp
