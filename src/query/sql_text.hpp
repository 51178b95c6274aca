// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/block_range.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace amp::query {

/// The clause `SETTINGS name = value [, ..]` at the end of a statement (SQL reference 1.4).
struct QuerySettings {
    bool stream = false;
    std::optional<BlockNum> end_block;
    /// False: tables are not cut to their common range.
    bool consistent = true;
};

/// SQL as the engine's parser gets it: token rewrites of the SQL reference 1.2 done, SETTINGS taken off.
struct SqlText {
    std::string sql;
    QuerySettings settings;

    /// The place in the client's text of a byte offset in `sql`: "line 1, column 8". Columns count bytes
    /// from 1.
    std::string place(std::size_t offset) const;

    std::string original;
    struct Anchor {
        std::size_t rewritten;
        std::size_t original;
    };
    std::vector<Anchor> anchors;  // ascending; equal lengths after each one up to the next
};

/// Checks size (2 MiB), UTF-8, nesting (256) and set operations (4,096) before any parser sees the text, then
/// rewrites tokens; strings, comments and quoted names stay as they are. kInvalidArgument with reason
/// INVALID_QUERY (blank, not UTF-8) or SQL_PARSE_ERROR.
Result<SqlText> prepare_sql(std::string_view sql);

/// Where the `index`-th byte of `text` is, as in SqlText::place.
std::string line_and_column(std::string_view text, std::size_t index);

}  // namespace amp::query
