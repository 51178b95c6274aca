// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/jsonl/json_rows.hpp"

#include "serve/jsonl/body_writer.hpp"
#include "serve/jsonl/content.hpp"

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/reader.h>
#include <arrow/json/from_string.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <cmath>
#include <limits>

namespace amp::serve {
namespace {

/// Renders one column "c".
std::string render(const std::shared_ptr<arrow::Array>& array) {
    const auto schema = arrow::schema({arrow::field("c", array->type())});
    auto rows = JsonRows::make(*schema);
    if (!rows.ok()) return "error: " + rows.error().message;
    TextBuffer out;
    (*rows)->append(*arrow::RecordBatch::Make(schema, array->length(), {array}), out);
    return std::string(out.view());
}

std::shared_ptr<arrow::Array> parse(const std::shared_ptr<arrow::DataType>& type, const std::string& json) {
    return arrow::json::ArrayFromJSONString(type, json).ValueOrDie();
}

std::string render(const std::shared_ptr<arrow::DataType>& type, const std::string& json) {
    return render(parse(type, json));
}

template <typename Builder, typename T>
std::string render_values(Builder builder, const std::vector<T>& values) {
    for (const T& value : values) EXPECT_TRUE(builder.Append(value).ok());
    return render(builder.Finish().ValueOrDie());
}

TEST(JsonRows, NumbersKeepAllDigits) {
    EXPECT_EQ(render(arrow::uint64(), "[18446744073709551615, 0, null]"),
              "{\"c\":18446744073709551615}\n{\"c\":0}\n{}\n");
    EXPECT_EQ(render(arrow::int64(), "[-9223372036854775808]"), "{\"c\":-9223372036854775808}\n");
    EXPECT_EQ(render(arrow::int8(), "[-128, 127]"), "{\"c\":-128}\n{\"c\":127}\n");
    EXPECT_EQ(render(arrow::uint8(), "[255]"), "{\"c\":255}\n");
    EXPECT_EQ(render(arrow::boolean(), "[true, false, null]"), "{\"c\":true}\n{\"c\":false}\n{}\n");
}

TEST(JsonRows, FloatsRoundTripWithFractionOrExponent) {
    const double inf = std::numeric_limits<double>::infinity();
    EXPECT_EQ(
        render_values(arrow::DoubleBuilder(),
                      std::vector<double>{1, 0.1, -0.0, 100000, 1e15, 1e16, 1e300, 1e-5, 1e-6, 5e-324,
                                          1.7976931348623157e308, 123456.789, NAN, inf}),
        "{\"c\":1.0}\n{\"c\":0.1}\n{\"c\":-0.0}\n{\"c\":100000.0}\n{\"c\":1000000000000000.0}\n{\"c\":1e16}\n"
        "{\"c\":1e300}\n{\"c\":0.00001}\n{\"c\":1e-6}\n{\"c\":5e-324}\n{\"c\":1.7976931348623157e308}\n"
        "{\"c\":123456.789}\n{\"c\":null}\n{\"c\":null}\n");
    EXPECT_EQ(render_values(arrow::FloatBuilder(), std::vector<float>{0.1F, 16777216.0F}),
              "{\"c\":0.1}\n{\"c\":16777216.0}\n");
}

TEST(JsonRows, DecimalsKeepTheirScale) {
    EXPECT_EQ(render(arrow::decimal128(38, 0), R"(["-635", "99999999999999999999999999999999999999", "0"])"),
              "{\"c\":-635}\n{\"c\":99999999999999999999999999999999999999}\n{\"c\":0}\n");
    EXPECT_EQ(
        render(arrow::decimal128(38, 4), R"(["90.1200", "-0.0001", "0.0000", "-9999999999999999999.0000"])"),
        "{\"c\":90.1200}\n{\"c\":-0.0001}\n{\"c\":0.0000}\n{\"c\":-9999999999999999999.0000}\n");
    EXPECT_EQ(render(arrow::decimal128(38, 20), R"(["0.00000000000000000001"])"),
              "{\"c\":0.00000000000000000001}\n");
    const std::string wide(76, '9');
    EXPECT_EQ(render(arrow::decimal256(76, 0), "[\"" + wide + "\", \"-" + wide + "\"]"),
              "{\"c\":" + wide + "}\n{\"c\":-" + wide + "}\n");
    EXPECT_EQ(render(arrow::decimal256(76, 2), R"(["-1.50"])"), "{\"c\":-1.50}\n");
}

TEST(JsonRows, TextEscapesOnlyWhatItMust) {
    EXPECT_EQ(
        render_values(arrow::StringBuilder(),
                      std::vector<std::string>{"plain text of some length", "a\"b\\c", "line\n\x01",
                                               "häß/\x7f", "bad \xff utf", "", "eight678", "eight67\""}),
        "{\"c\":\"plain text of some length\"}\n{\"c\":\"a\\\"b\\\\c\"}\n{\"c\":\"line\\n\\u0001\"}\n"
        "{\"c\":\"häß/\x7f\"}\n{\"c\":\"bad \xef\xbf\xbd utf\"}\n{\"c\":\"\"}\n{\"c\":\"eight678\"}\n"
        "{\"c\":\"eight67\\\"\"}\n");
}

TEST(JsonRows, BinaryIsLowerCaseHexWithoutPrefix) {
    EXPECT_EQ(
        render_values(arrow::BinaryBuilder(), std::vector<std::string>{std::string("\x00\xAB\xff", 3), ""}),
        "{\"c\":\"00abff\"}\n{\"c\":\"\"}\n");
    EXPECT_EQ(render_values(arrow::FixedSizeBinaryBuilder(arrow::fixed_size_binary(2)),
                            std::vector<std::string>{"\x12\x34", "\xde\xad"}),
              "{\"c\":\"1234\"}\n{\"c\":\"dead\"}\n");
}

TEST(JsonRows, TimesHaveAsFewDigitsAsNeeded) {
    const auto utc = arrow::timestamp(arrow::TimeUnit::NANO, "+00:00");
    EXPECT_EQ(render(utc, "[1700000000000000000, 1700000000120000000, 1700000000000001000, 1, -1, 0]"),
              "{\"c\":\"2023-11-14T22:13:20Z\"}\n{\"c\":\"2023-11-14T22:13:20.120Z\"}\n"
              "{\"c\":\"2023-11-14T22:13:20.000001Z\"}\n{\"c\":\"1970-01-01T00:00:00.000000001Z\"}\n"
              "{\"c\":\"1969-12-31T23:59:59.999999999Z\"}\n{\"c\":\"1970-01-01T00:00:00Z\"}\n");
    EXPECT_EQ(render(arrow::timestamp(arrow::TimeUnit::MICRO), "[951782400000000]"),
              "{\"c\":\"2000-02-29T00:00:00\"}\n");
    EXPECT_EQ(render(arrow::timestamp(arrow::TimeUnit::SECOND, "-05:30"), "[0]"),
              "{\"c\":\"1969-12-31T18:30:00-05:30\"}\n");
    EXPECT_EQ(render(arrow::date32(), "[19724, -719529]"),
              "{\"c\":\"2024-01-02\"}\n{\"c\":\"-0001-12-31\"}\n");
    EXPECT_EQ(render(arrow::date64(), "[1704153600000]"), "{\"c\":\"2024-01-02T00:00:00\"}\n");
    EXPECT_EQ(render(arrow::time64(arrow::TimeUnit::MICRO), "[11045000000, 11045000001]"),
              "{\"c\":\"03:04:05\"}\n{\"c\":\"03:04:05.000001\"}\n");
    EXPECT_EQ(render(arrow::duration(arrow::TimeUnit::MILLI), "[120, -1500, 60000]"),
              "{\"c\":\"PT0.12S\"}\n{\"c\":\"-PT1.5S\"}\n{\"c\":\"PT60S\"}\n");
    EXPECT_EQ(render(arrow::month_day_nano_interval(), "[[1, 2, 3000000000], [0, 0, 0]]"),
              "{\"c\":\"1 mons 2 days 3.000000000 secs\"}\n{\"c\":\"0 secs\"}\n");
}

TEST(JsonRows, NestedValuesKeepNullsInListsOnly) {
    const auto item = arrow::struct_({arrow::field("a", arrow::int32()), arrow::field("b", arrow::utf8())});
    EXPECT_EQ(render(arrow::list(arrow::int32()), "[[1, null, 3], [], null]"),
              "{\"c\":[1,null,3]}\n{\"c\":[]}\n{}\n");
    EXPECT_EQ(render(arrow::list(item), R"([[{"a":1,"b":"x"}, null, {"a":null,"b":"y"}, {}]])"),
              "{\"c\":[{\"a\":1,\"b\":\"x\"},null,{\"b\":\"y\"},{}]}\n");
    EXPECT_EQ(render(arrow::fixed_size_list(arrow::int32(), 2), "[[1, 2], null, [3, 4]]"),
              "{\"c\":[1,2]}\n{}\n{\"c\":[3,4]}\n");
    EXPECT_EQ(render(arrow::map(arrow::utf8(), arrow::int32()), R"([[["k", 1], ["l", null], ["m", 2]], []])"),
              "{\"c\":{\"k\":1,\"m\":2}}\n{\"c\":{}}\n");
    EXPECT_EQ(render(arrow::null(), "[null, null]"), "{}\n{}\n");
}

TEST(JsonRows, SlicesRenderAsTheirRows) {
    const auto item =
        arrow::struct_({arrow::field("a", arrow::int32()), arrow::field("b", arrow::list(arrow::utf8()))});
    const std::vector<std::pair<std::shared_ptr<arrow::DataType>, std::string>> columns{
        {item, R"([{"a":1,"b":["x"]}, {"a":null,"b":["y","z"]}, null, {"a":4,"b":null}])"},
        {arrow::list(item), R"([[{"a":1}], [{"a":2,"b":["q"]},{"a":3}], null, [{"a":4}]])"},
        {arrow::map(arrow::utf8(), item),
         R"([[["k",{"a":1}]], [["l",{"a":2}],["m",null]], null, [["n",{"b":["w"]}]]])"},
        {arrow::boolean(), "[true, false, null, true]"},
        {arrow::fixed_size_list(arrow::utf8(), 2), R"([["a","b"], ["c",null], null, ["d","e"]])"},
    };
    for (const auto& [type, json] : columns) {
        const auto whole = parse(type, json);
        std::string by_row;
        for (std::int64_t i = 0; i < whole->length(); ++i) by_row += render(whole->Slice(i, 1));
        EXPECT_EQ(by_row, render(whole)) << type->ToString();
    }
}

TEST(JsonRows, MembersKeepSchemaOrderAndNamesAreQuoted) {
    const auto schema =
        arrow::schema({arrow::field("b\"", arrow::int32()), arrow::field("a", arrow::int32())});
    auto rows = JsonRows::make(*schema);
    ASSERT_TRUE(rows.ok());
    TextBuffer out;
    const auto batch = arrow::RecordBatch::Make(
        schema, 2, {parse(arrow::int32(), "[1, null]"), parse(arrow::int32(), "[2, 3]")});
    (*rows)->append(*batch, out);
    EXPECT_EQ(out.view(), "{\"b\\\"\":1,\"a\":2}\n{\"a\":3}\n");
}

TEST(JsonRows, TypesWithoutFormAreRefused) {
    const auto schema = arrow::schema({arrow::field("m", arrow::map(arrow::int32(), arrow::utf8()))});
    const auto rows = JsonRows::make(*schema);
    ASSERT_FALSE(rows.ok());
    EXPECT_EQ(rows.error().reason, "PLANNING_ERROR");
    EXPECT_THAT(rows.error().message, testing::HasSubstr("\"m\""));
}

TEST(BodyWriter, ArrowStreamsReadBack) {
    const auto array = parse(arrow::int32(), "[1, 2, 3]");
    const auto schema = arrow::schema({arrow::field("c", array->type())});
    const auto batch = arrow::RecordBatch::Make(schema, 3, {array});
    auto writer = make_body_writer(kArrowStreamType, schema);
    ASSERT_TRUE(writer.ok());
    std::string body = *(*writer)->write(*batch);
    body += *(*writer)->write(*batch);
    body += *(*writer)->finish();
    const auto input = std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(body));
    const auto table = arrow::ipc::RecordBatchStreamReader::Open(input).ValueOrDie()->ToTable().ValueOrDie();
    EXPECT_EQ(table->num_rows(), 6);
}

TEST(Encoder, EachPieceCanBeReadAtOnce) {
    for (const bool gzip : {true, false}) {
        auto encoder = make_encoder(gzip ? "gzip" : "deflate");
        z_stream stream{};
        inflateInit2(&stream, gzip ? 15 + 16 : 15);
        for (const auto& [piece, last] :
             std::vector<std::pair<std::string, bool>>{{"one\n", false}, {"two\n", false}, {"", true}}) {
            std::string encoded = *(*encoder)->encode(piece, last);
            std::string plain(64, '\0');
            stream.next_in = reinterpret_cast<Bytef*>(encoded.data());
            stream.avail_in = static_cast<uInt>(encoded.size());
            stream.next_out = reinterpret_cast<Bytef*>(plain.data());
            stream.avail_out = static_cast<uInt>(plain.size());
            const int rc = inflate(&stream, Z_SYNC_FLUSH);
            plain.resize(plain.size() - stream.avail_out);
            EXPECT_EQ(plain, piece);
            EXPECT_EQ(rc, last ? Z_STREAM_END : Z_OK);
        }
        inflateEnd(&stream);
    }
    auto encoder = make_encoder("zstd");
    std::string encoded = *(*encoder)->encode("one\n", false);
    encoded += *(*encoder)->encode("", true);
    std::string plain(64, '\0');
    plain.resize(ZSTD_decompress(plain.data(), plain.size(), encoded.data(), encoded.size()));
    EXPECT_EQ(plain, "one\n");
}

TEST(Accept, QualitiesDecide) {
    const std::vector<std::string_view> codings{"zstd", "gzip", "deflate"};
    EXPECT_EQ(choose_accepted("gzip, deflate, br", codings), "gzip");
    EXPECT_EQ(choose_accepted("gzip;q=0.5, deflate;q=0.8", codings), "deflate");
    EXPECT_EQ(choose_accepted("*", codings), "zstd");
    EXPECT_EQ(choose_accepted("*, zstd;q=0", codings), "gzip");
    EXPECT_EQ(choose_accepted("br", codings), std::nullopt);
    const std::vector<std::string_view> types{"application/x-ndjson", "text/csv"};
    EXPECT_EQ(choose_accepted(std::nullopt, types), "application/x-ndjson");
    EXPECT_EQ(choose_accepted("text/html, */*;q=0.1", types), "application/x-ndjson");
    EXPECT_EQ(choose_accepted("Text/*", types), "text/csv");
    EXPECT_EQ(choose_accepted("text/html", types), std::nullopt);
}

}  // namespace
}  // namespace amp::serve
