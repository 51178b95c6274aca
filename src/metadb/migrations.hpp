// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace amp::metadb {

/// One numbered step of the schema. Applied ones never change: the store keeps the checksum of the script.
struct Migration {
    int version = 0;
    std::string_view name;
    std::string_view script;
};

/// Ascending, without gaps, from 1.
std::span<const Migration> migrations();

/// SHA-256 of the script, hex.
std::string checksum_of(const Migration& migration);

/// The statements of a script in the engine's words. A script is one text for both engines; `{id}` stands for
/// a generated key, and a statement after the line `-- postgresql only` is left out elsewhere.
std::vector<std::string> statements_of(const Migration& migration, bool postgres);

}  // namespace amp::metadb
