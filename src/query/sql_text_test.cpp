// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/sql_text.hpp"

#include <gtest/gtest.h>

namespace amp::query {
namespace {

std::string rewritten(std::string_view sql) {
    auto text = prepare_sql(sql);
    return text.ok() ? text->sql : text.error().reason + ": " + text.error().message;
}

TEST(SqlText, LeavesOrdinaryTextAlone) {
    for (const std::string_view sql : {
             "SELECT * FROM ds.t WHERE a = 'from, to' -- x'00' SETTINGS stream = true",
             "SELECT \"from\", \"x'00'\" FROM t /* , from , /* nested */ to */",
             "SELECT extract(year FROM x), trim(both from y), substring(a from 2) FROM t",
             "SELECT a IS DISTINCT FROM -1, $$ x'zz' $$, e'it\\'s from' FROM (FROM t)",
             "SELECT count(*) FROM t",
             "SELECT *, a FROM t",
             "(SELECT 1) EXCEPT (SELECT 2)",
             "SELECT a - b FROM t",
         })
        EXPECT_EQ(rewritten(sql), sql);
}

TEST(SqlText, QuotesBareFromAndTo) {
    EXPECT_EQ(rewritten("SELECT from, to FROM t"), "SELECT \"from\", \"to\" FROM t");
    EXPECT_EQ(rewritten("SELECT f(from, to) FROM t WHERE from = to AND NOT to IS NULL"),
              "SELECT f(\"from\", \"to\") FROM t WHERE \"from\" = \"to\" AND NOT \"to\" IS NULL");
    EXPECT_EQ(rewritten("SELECT from FROM t GROUP BY from ORDER BY from DESC"),
              "SELECT \"from\" FROM t GROUP BY \"from\" ORDER BY \"from\" DESC");
    EXPECT_EQ(rewritten("SELECT to::BLOB, from[1], a * to FROM t WHERE to"),
              "SELECT \"to\"::BLOB, \"from\"[1], a * \"to\" FROM t WHERE \"to\"");
}

TEST(SqlText, RewritesBinaryLiterals) {
    EXPECT_EQ(rewritten("SELECT x'9a71', X''"), "SELECT '\\x9a\\x71'::BLOB, ''::BLOB");
    EXPECT_TRUE(rewritten("SELECT x'9'").starts_with("SQL_PARSE_ERROR"));
    EXPECT_TRUE(rewritten("SELECT x'zz'").starts_with("SQL_PARSE_ERROR"));
    EXPECT_TRUE(rewritten("SELECT x'00").starts_with("SQL_PARSE_ERROR"));
}

TEST(SqlText, RewritesStarExcept) {
    EXPECT_EQ(rewritten("SELECT * EXCEPT (a, b) FROM t"), "SELECT * EXCLUDE (a, b) FROM t");
    EXPECT_EQ(rewritten("SELECT * FROM t EXCEPT (SELECT 1)"), "SELECT * FROM t EXCEPT (SELECT 1)");
}

TEST(SqlText, TakesSettingsOff) {
    auto text =
        prepare_sql("SELECT 1 settings Stream = TRUE, unknown = 'x' SETTINGS end_block = 12, stream = 1;");
    ASSERT_TRUE(text.ok());
    EXPECT_EQ(text->sql, "SELECT 1 ");
    EXPECT_TRUE(text->settings.stream);
    EXPECT_EQ(text->settings.end_block, 12u);
    EXPECT_TRUE(text->settings.consistent);
    EXPECT_FALSE(prepare_sql("SELECT 1 SETTINGS stream = 1")->settings.stream);
    EXPECT_FALSE(prepare_sql("SELECT 1 SETTINGS consistent = false")->settings.consistent);
    EXPECT_FALSE(prepare_sql("SELECT 'SETTINGS stream = true'")->settings.stream);
    // Not at the end: the parser refuses it.
    EXPECT_EQ(rewritten("SELECT 1 SETTINGS a = 1 LIMIT 1"), "SELECT 1 SETTINGS a = 1 LIMIT 1");
}

TEST(SqlText, BoundsSizeNestingAndEncoding) {
    EXPECT_TRUE(rewritten("").starts_with("INVALID_QUERY"));
    EXPECT_TRUE(rewritten("  -- nothing\n").starts_with("INVALID_QUERY"));
    EXPECT_TRUE(rewritten("SELECT '\xff'").starts_with("INVALID_QUERY"));
    EXPECT_TRUE(rewritten(std::string("SELECT 1\0", 9)).starts_with("INVALID_QUERY"));
    EXPECT_TRUE(rewritten(std::string(3 << 20, ' ')).starts_with("SQL_PARSE_ERROR"));
    EXPECT_TRUE(rewritten("SELECT " + std::string(300, '(')).starts_with("SQL_PARSE_ERROR"));
    std::string unions = "SELECT 1";
    for (int i = 0; i < 4'100; ++i) unions += " UNION SELECT 1";
    EXPECT_TRUE(rewritten(unions).starts_with("SQL_PARSE_ERROR"));
}

TEST(SqlText, PlacesPointIntoTheClientsText) {
    auto text = prepare_sql("SELECT x'0011223344',\n  from, b FROM t");
    ASSERT_TRUE(text.ok());
    EXPECT_EQ(text->place(text->sql.find(" b ") + 1), "line 2, column 9");
    EXPECT_EQ(text->place(0), "line 1, column 1");
}

}  // namespace
}  // namespace amp::query
