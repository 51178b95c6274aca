// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/block_range.hpp"
#include "base/result.hpp"
#include "catalog/types.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace amp::catalog {

/// What a raw kind may declare: given by the caller, because schemas belong to another module.
struct RawField {
    std::string name;
    std::string type;  // compact JSON of the manifest type, e.g. "UInt64" in quotes or {"FixedSizeBinary":32}
    bool nullable = false;
    bool added = false;
};
struct RawTable {
    std::string name;
    std::vector<RawField> fields;
};
struct RawKind {
    std::string kind;
    std::vector<RawTable> tables;
};

/// A validated manifest of a raw dataset.
struct Manifest {
    std::string kind;
    std::string network;
    BlockNum start_block = 0;
    bool finalized_blocks_only = false;
    std::vector<std::string> tables;  // sorted
    std::string canonical;            // the bytes that are hashed and stored
    std::string hash;                 // SHA-256 of canonical, 64 hex digits
    // Envelope keys of a manifest file; not hashed.
    std::optional<std::string> ns, name, version;
    std::vector<std::string> warnings;
};

/// Parses and validates (at most 10 MiB). kInvalidArgument with reason INVALID_MANIFEST,
/// MANIFEST_VALIDATION_ERROR or SCHEMA_MISMATCH and the place; kUnsupported (reason UNSUPPORTED_DATASET_KIND)
/// for kinds that this build cannot extract, in one sentence: SQL-derived (`"kind": "manifest"`), firehose,
/// eth-beacon.
Result<Manifest> parse_manifest(std::string_view json, std::span<const RawKind> kinds);

/// Reference syntax, refused by part. ASCII only.
Result<DatasetRef> parse_reference(std::string_view text);
bool is_dataset_name(std::string_view name);
/// File stem in lower case with '-' as '_'.
std::string dataset_name_of_file(std::string_view path);

/// A manifest that ships with the program.
struct BundledManifest {
    std::string name;     // dataset name, namespace "_"
    std::string version;  // "1.0.0"
    std::string json;
};
/// All of them, sorted by name; derived and other kinds included, so that naming one gives the right
/// sentence.
std::span<const BundledManifest> bundled_manifests();
const BundledManifest* find_bundled(std::string_view name);

/// The chain id of a known EVM network ("mainnet" = 1).
std::optional<std::uint64_t> chain_id_of(std::string_view network);

/// Semver 2.0 precedence; nothing if the text is no version.
std::optional<int> compare_versions(std::string_view a, std::string_view b);

}  // namespace amp::catalog
