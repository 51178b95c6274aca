// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "columnar/table_builder.hpp"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/util/decimal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace amp::columnar {
namespace {

// One column per kind of storage.
TableSpec small_table() {
    return {
        .kind = "test",
        .name = "small",
        .columns = {{.name = "number", .type = ColumnType::kU64Wide, .nullable = true, .field_id = 1},
                    {.name = "flag", .type = ColumnType::kBool, .nullable = true, .field_id = 2},
                    {.name = "word", .type = ColumnType::kUtf8, .nullable = true, .field_id = 3},
                    {.name = "amount", .type = ColumnType::kDecimal, .nullable = true, .field_id = 4},
                    {.name = "amount_overflow", .type = ColumnType::kHash32, .nullable = true, .field_id = 5},
                    {.name = "hashes", .type = ColumnType::kHashList, .nullable = true, .field_id = 6}},
        .sorted_by = {},
    };
}

struct Row {
    std::optional<std::uint64_t> number;
    std::optional<bool> flag;
    std::optional<std::string> word;
    std::optional<Uint256> amount;
    std::optional<int> hashes;
};

void append(TableBuilder& builder, const Row& row) {
    row.number ? builder.u64(0, *row.number) : builder.null(0);
    row.flag ? builder.boolean(1, *row.flag) : builder.null(1);
    row.word ? builder.text(2, *row.word) : builder.null(2);
    builder.decimal_or_overflow(3, 4, row.amount);
    if (!row.hashes) return builder.null(5);
    auto& list = static_cast<arrow::ListBuilder&>(builder.nested(5));
    ASSERT_TRUE(list.Append().ok());
    auto& values = static_cast<arrow::FixedSizeBinaryBuilder&>(*list.value_builder());
    for (int i = 0; i < *row.hashes; ++i) ASSERT_TRUE(values.Append(std::string(32, 'h')).ok());
}

template <typename Array>
const Array& column(const arrow::RecordBatch& batch, int index) {
    return static_cast<const Array&>(*batch.column(index));
}

void expect_rows(const arrow::RecordBatch& batch, const std::vector<Row>& rows) {
    ASSERT_TRUE(batch.ValidateFull().ok()) << batch.ValidateFull().ToString();
    ASSERT_EQ(batch.num_rows(), static_cast<std::int64_t>(rows.size()));
    for (std::int64_t i = 0; i < batch.num_rows(); ++i) {
        const Row& row = rows[static_cast<std::size_t>(i)];
        const auto& numbers = column<arrow::Int64Array>(batch, 0);
        ASSERT_EQ(numbers.IsValid(i), row.number.has_value()) << i;
        if (row.number) {
            EXPECT_EQ(static_cast<std::uint64_t>(numbers.Value(i)), *row.number) << i;
        }
        const auto& flags = column<arrow::BooleanArray>(batch, 1);
        ASSERT_EQ(flags.IsValid(i), row.flag.has_value()) << i;
        if (row.flag) {
            EXPECT_EQ(flags.Value(i), *row.flag) << i;
        }
        const auto& words = column<arrow::StringArray>(batch, 2);
        ASSERT_EQ(words.IsValid(i), row.word.has_value()) << i;
        if (row.word) {
            EXPECT_EQ(words.GetView(i), *row.word) << i;
        }
        const auto& amounts = column<arrow::Decimal128Array>(batch, 3);
        const auto& overflows = column<arrow::FixedSizeBinaryArray>(batch, 4);
        ASSERT_EQ(amounts.IsValid(i), row.amount && row.amount->fits_decimal38()) << i;
        ASSERT_EQ(overflows.IsValid(i), row.amount && !row.amount->fits_decimal38()) << i;
        if (amounts.IsValid(i)) {
            EXPECT_EQ(amounts.FormatValue(i), row.amount->to_decimal()) << i;
        }
        if (overflows.IsValid(i)) {
            EXPECT_EQ(overflows.GetView(i), as_text(row.amount->to_big_endian().view())) << i;
        }
        const auto& lists = column<arrow::ListArray>(batch, 5);
        ASSERT_EQ(lists.IsValid(i), row.hashes.has_value()) << i;
        if (row.hashes) {
            EXPECT_EQ(lists.value_length(i), *row.hashes) << i;
        }
    }
}

TEST(TableBuilder, KeepsEveryPatternOfNullsAcrossBatches) {
    const TableSpec spec = small_table();
    TableBuilder builder(spec);
    const Uint256 limit = *parse_uint256_decimal("99999999999999999999999999999999999999");
    const Uint256 above = *checked_add(limit, 1);
    // Values and NULLs in runs whose lengths pass through every position of a validity byte.
    for (const std::uint64_t first_nulls : {0U, 1U, 7U, 8U, 9U, 40U}) {
        for (const std::uint64_t period : {1U, 2U, 3U, 8U, 50U}) {
            std::vector<Row> rows;
            for (std::uint64_t i = 0; i < 41; ++i) {
                Row row;
                if (i >= first_nulls && i % period == 0) {
                    row.number = std::numeric_limits<std::uint64_t>::max() - i;
                    row.flag = i % 2 == 0;
                    row.word = std::string(i % 5, 'w');
                    row.amount = i % 4 < 2 ? limit : above;
                    row.hashes = static_cast<int>(i % 3);
                }
                rows.push_back(std::move(row));
            }
            for (const Row& row : rows) append(builder, row);
            EXPECT_EQ(builder.rows(), 41);
            auto batch = builder.take();
            ASSERT_TRUE(batch.ok());
            EXPECT_EQ(builder.rows(), 0);
            expect_rows(**batch, rows);
        }
    }
}

TEST(TableBuilder, CountsOverflowsOfTakenBatches) {
    const TableSpec spec = small_table();
    TableBuilder builder(spec);
    const Uint256 huge = Uint256::from_big_endian(Bytes(32, 0xff));
    for (int i = 0; i < 3; ++i) append(builder, {.amount = huge});
    append(builder, {.amount = Uint256(7)});
    ASSERT_TRUE(builder.take().ok());
    EXPECT_EQ(builder.take_overflows(), 3U);
    EXPECT_EQ(builder.take_overflows(), 0U);
}

TEST(TableBuilder, TakesAnEmptyBatch) {
    const TableSpec spec = small_table();
    TableBuilder builder(spec);
    const auto batch = builder.take();
    ASSERT_TRUE(batch.ok());
    expect_rows(**batch, {});
    EXPECT_TRUE((*batch)->schema()->Equals(*physical_schema(spec)));
}

TEST(TableBuilder, RefusesColumnsOfDifferentLengthAndStartsAfresh) {
    const TableSpec spec = small_table();
    TableBuilder builder(spec);
    append(builder, {.number = 1});
    builder.u64(0, 2);
    const auto batch = builder.take();
    ASSERT_FALSE(batch.ok());
    EXPECT_EQ(batch.error().code, Code::kInternal);
    EXPECT_THAT(batch.error().message,
                ::testing::HasSubstr("column flag of table small has 1 values for 2 rows"));
    append(builder, {.number = 3, .word = "x"});
    expect_rows(**builder.take(), {{.number = 3, .word = "x"}});
}

TEST(TableBuilder, EstimatesTheBytesItHolds) {
    const TableSpec spec = small_table();
    TableBuilder builder(spec);
    EXPECT_EQ(builder.bytes(), 0);
    for (int i = 0; i < 1000; ++i) append(builder, {.number = 1, .word = std::string(100, 'x'), .hashes = 1});
    EXPECT_GT(builder.bytes(), 1000 * (8 + 100 + 32));
    EXPECT_LT(builder.bytes(), 2 * 1000 * (8 + 100 + 32));
}

TEST(TableBuilder, StoresSecondsAsMicroseconds) {
    const TableSpec& spec = *find_table("evm-rpc", "logs");
    TableBuilder builder(spec);
    for (std::size_t i = 0; i < spec.columns.size(); ++i) {
        if (spec.columns[i].name == "timestamp") {
            builder.timestamp_seconds(static_cast<int>(i), 1'438'269'988);
        } else {
            builder.null(static_cast<int>(i));
        }
    }
    const auto batch = builder.take();
    ASSERT_TRUE(batch.ok());
    EXPECT_EQ(column<arrow::TimestampArray>(**batch, 3).Value(0), 1'438'269'988'000'000);
}

}  // namespace
}  // namespace amp::columnar
