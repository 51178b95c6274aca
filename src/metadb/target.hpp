// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "metadb/open_store.hpp"

#include <string>
#include <vector>

namespace amp::metadb {

/// Where a store is, taken apart from the URL.
struct Target {
    bool postgres = false;
    std::string path;            // SQLite file
    std::string connect;         // PostgreSQL, in libpq's key = 'value' form
    std::string listen_connect;  // the same for the listening connection
    std::string schema;          // PostgreSQL schema, checked to be a plain name
    std::string label;           // for messages: without secrets
    std::vector<std::string> secrets;
    std::chrono::milliseconds busy_timeout{5'000};

    /// The text with every secret replaced.
    std::string scrub(std::string text) const;
};

/// kInvalidArgument, without the URL in the text.
Result<Target> parse_target(const StoreOptions& options);

}  // namespace amp::metadb
