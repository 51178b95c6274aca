// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/block_range.hpp"
#include "base/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace amp::catalog {

/// `[pkg:amp/][namespace/]name[@tag]`. An empty tag means: `latest`, else `dev`.
struct DatasetRef {
    std::string ns = "_";
    std::string name;
    std::string tag;

    friend bool operator==(const DatasetRef&, const DatasetRef&) = default;
};

/// "_/eth_mainnet" or "_/eth_mainnet@1.0.0".
std::string to_string(const DatasetRef& ref);

/// A dataset at one manifest, as the store knows it.
struct Dataset {
    std::int64_t id = 0;
    std::string ns;
    std::string name;
    std::string tag;   // the tag it was found by: latest, dev, a version, or the hash itself
    std::string hash;  // manifest hash, 64 hex digits
    std::string kind;
    std::string network;
    std::string manifest;         // canonical JSON
    std::int64_t created_at = 0;  // of the tag (of the link, if found by hash); us, store clock
    std::int64_t updated_at = 0;
};

/// One directory of files of one table of one manifest hash.
struct Revision {
    std::int64_t id = 0;
    std::int64_t dataset_id = 0;
    std::string hash;
    std::string table;
    std::string network;
    std::string path;  // relative to the data directory, or a URL
    bool active = false;
    std::int64_t change_seq = 0;
};

enum class FileState : std::uint8_t { kLive, kSuperseded };

/// A registered Parquet file (a segment).
struct File {
    std::int64_t id = 0;
    std::int64_t revision_id = 0;
    std::string name;
    std::string network;
    BlockRange range;
    std::optional<Hash32> prev_hash;
    std::optional<Hash32> hash;
    std::optional<std::uint64_t> end_timestamp;  // seconds
    std::int64_t rows = 0;
    std::int64_t bytes = 0;
    std::string etag;
    std::int64_t generation = 0;
    bool was_final = false;  // the source called its blocks final when it was written
    FileState state = FileState::kLive;
    std::int64_t commit_seq = 0;
    std::int64_t created_at = 0;  // microseconds, store clock
};

}  // namespace amp::catalog
