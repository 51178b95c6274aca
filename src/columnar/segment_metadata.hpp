// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "columnar/segment_writer.hpp"
#include "columnar/table_spec.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace amp::columnar {

/// Key-values of a footer in the order they are written.
using KeyValues = std::vector<std::pair<std::string, std::string>>;

/// The footer keys of docs/internals/data_layout.md for a file with that many rows.
KeyValues footer_key_values(const SegmentMetadata& metadata, const TableSpec& spec, std::int64_t rows);

/// The same facts as one JSON object: `nozzle_metadata` and `amp_metadata` as objects, `generation` as a
/// number, `parent_file_ids` as an array.
std::string metadata_json(const SegmentMetadata& metadata, const TableSpec& spec, std::int64_t rows);

/// What the key-values of a footer say.
struct ParsedMetadata {
    SegmentMetadata metadata;
    bool prev_hash_known = false;  // foreign files may lack it
    bool ours = false;             // `amp_metadata` is there
};

/// Reads footer keys. Accepts a missing `amp_metadata`, `generation` and `parent_file_ids`, a missing or null
/// `prev_hash`, missing members of `amp_metadata`, and unknown keys and members everywhere.
/// kNotFound without `nozzle_metadata`; kCorruption, naming the key and member, if a value cannot be read.
Result<ParsedMetadata> parse_footer_key_values(const KeyValues& key_values);

}  // namespace amp::columnar
