// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace amp::config {

/// The effective configuration of one process. Every member is one row of the option table (options()), which
/// is the single source of parsing, `config --sample`, `config --print` and docs/operating/configuration.md.
struct Config {
    std::string data_dir = "data";
    std::string providers_dir = "providers";
    std::string datasets_dir = "datasets";
    std::string manifests_dir = "manifests";
    std::string flight_addr = "0.0.0.0:1602";
    std::string jsonl_addr = "0.0.0.0:1603";
    std::int64_t max_mem_mb = 0;
    std::int64_t query_max_mem_mb = 0;
    std::string spill_location = ".amp/spill";
    double poll_interval_secs = 1.0;
    std::string metadata_db_url = "sqlite:data/metadata.db";
    std::string metadata_db_schema = "amp";
    bool metadata_db_auto_migrate = true;
    std::int64_t metadata_db_pool_size = 10;
    std::int64_t metadata_db_busy_timeout_ms = 5000;
    double metadata_db_connect_retry_secs = 30;
    double query_timeout_secs = 300;
    std::int64_t query_max_concurrent = 0;
    std::int64_t query_max_queued = 256;
    std::int64_t query_max_spill_mb = 10240;
    double query_stale_catalog_secs = 300;
    bool extract_verify = true;
    std::int64_t extract_reorg_depth = 0;
    std::int64_t extract_max_inflight_mb = 128;
    std::string writer_compression = "zstd(1)";
    std::int64_t writer_bytes = 2147483648;
    std::int64_t writer_max_row_group_mb = 128;
    double writer_segment_flush_interval_secs = 600;
    double worker_heartbeat_interval_secs = 1;
    double worker_lease_ttl_secs = 5;
    std::string worker_node_id;
    std::int64_t worker_slots = 0;
    std::string worker_labels;
    std::string worker_health_file;
    double worker_reconcile_interval_secs = 60;
    double worker_drain_timeout_secs = 60;
    double worker_outage_max_secs = 900;
    std::string admin_api_addr = "127.0.0.1:1610";
    std::string admin_auth_token;
    std::string admin_read_token;
    std::int64_t admin_max_body_mb = 10;
    double admin_request_timeout_secs = 30;
    bool controller_scheduler = true;
    double controller_tick_secs = 1;
    std::int64_t jobs_parallelism = 0;
    std::int64_t jobs_shard_blocks = 0;
    std::int64_t jobs_max_attempts = 0;
    double jobs_backoff_base_secs = 1;
    double jobs_backoff_max_secs = 300;
    std::int64_t jobs_poison_crashes = 3;
    std::string log_level = "info";
    std::string log_format = "text";
};

enum class Source : std::uint8_t { kDefault, kFile, kEnvironment, kFlag };
std::string_view to_string(Source source);

/// One row of the option table.
struct Option {
    std::string_view key;
    std::string_view help;
    bool secret = false;
};
std::vector<Option> options();

struct Loaded {
    Config config;
    std::filesystem::path base_dir;
    /// The file that was read; empty if there is none.
    std::filesystem::path file;
    std::map<std::string, Source, std::less<>> sources;  // of keys that are not at their default
    std::vector<std::string> warnings;                   // old spellings, readable secret files
};

struct LoadRequest {
    std::string base_dir;             // --dir; empty = current directory; made when missing
    std::optional<std::string> file;  // --config: must exist; absent: amp.toml in base_dir if it is there
    std::vector<std::string> assignments;  // --set KEY=VALUE
    std::map<std::string, std::string, std::less<>> environment;
};

/// Reads file, environment (AMP_CONFIG_A__B=value) and assignments, in rising precedence.
/// Failure: kInvalidArgument with every problem at once, one a line, each with file and line or variable
/// name.
Result<Loaded> load(const LoadRequest& request);

/// The process environment as a map.
std::map<std::string, std::string, std::less<>> process_environment();

/// Replaces ${NAME} and ${NAME:-default}; `$${` is a literal `${`.
Result<std::string> interpolate(std::string_view text,
                                const std::map<std::string, std::string, std::less<>>& environment);

/// A commented file with every key at its default.
std::string sample();
/// The effective values with their sources; secrets as ***.
std::string print(const Loaded& loaded);

/// A path of the configuration made absolute: store URLs stay, files are relative to the configuration file's
/// folder, else to the base directory.
std::string resolve_path(const Loaded& loaded, std::string_view key, std::string_view value);

}  // namespace amp::config
