// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/context.hpp"

#include "app/version.hpp"
#include "base/json_text.hpp"
#include "base/log.hpp"
#include "base/time.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

namespace amp::app {
namespace {

log::Level level_of(std::string_view name) {
    if (name == "error") return log::Level::kError;
    if (name == "warn") return log::Level::kWarn;
    if (name == "debug") return log::Level::kDebug;
    if (name == "trace") return log::Level::kTrace;
    return log::Level::kInfo;
}

// A relative SQLite path starts at the base directory (or the file that names it).
std::string metadata_url(const config::Loaded& loaded) {
    constexpr std::string_view kPrefix = "sqlite:";
    const std::string& url = loaded.config.metadata_db_url;
    if (!url.starts_with(kPrefix)) return url;
    return fmt::format("sqlite:{}", config::resolve_path(loaded, "metadata_db.url",
                                                         std::string_view(url).substr(kPrefix.size())));
}

std::optional<std::int64_t> cgroup_limit() {
    std::ifstream file("/sys/fs/cgroup/memory.max");
    std::int64_t bytes = 0;
    return file >> bytes ? std::optional(bytes) : std::nullopt;
}

}  // namespace

Result<config::Loaded> load_configuration(const CommonFlags& flags) {
    config::LoadRequest request;
    request.base_dir = flags.dir;
    request.file = flags.config_file;
    request.assignments = flags.assignments;
    request.environment = config::process_environment();
    if (flags.log_level) request.assignments.push_back("log.level=" + *flags.log_level);
    if (flags.log_format) request.assignments.push_back("log.format=" + *flags.log_format);
    TRY_ASSIGN(auto loaded, config::load(request));
    log::configure({.level = level_of(loaded.config.log_level), .json = loaded.config.log_format == "json"});
    log::info("app", version_line(), {{"dir", loaded.base_dir.string()}});
    for (const auto& warning : loaded.warnings) log::warn("config", warning);
    return loaded;
}

metadb::StoreOptions store_options(const config::Loaded& loaded) {
    metadb::StoreOptions options;
    options.url = metadata_url(loaded);
    options.schema = loaded.config.metadata_db_schema;
    options.auto_migrate = loaded.config.metadata_db_auto_migrate;
    options.pool_size = static_cast<int>(loaded.config.metadata_db_pool_size);
    options.busy_timeout = std::chrono::milliseconds(loaded.config.metadata_db_busy_timeout_ms);
    options.connect_retry = std::chrono::milliseconds(
        static_cast<std::int64_t>(loaded.config.metadata_db_connect_retry_secs * 1000));
    options.app_version = program_version();
    return options;
}

Result<std::unique_ptr<catalog::MetaStore>> open_metadata(const config::Loaded& loaded) {
    return metadb::open_store(store_options(loaded));
}

Result<std::unique_ptr<storage::ObjectStore>> open_data(const config::Loaded& loaded) {
    return storage::open_store(config::resolve_path(loaded, "data_dir", loaded.config.data_dir));
}

jobs::ManifestPlaces manifest_places(const config::Loaded& loaded) {
    return {config::resolve_path(loaded, "datasets_dir", loaded.config.datasets_dir),
            config::resolve_path(loaded, "manifests_dir", loaded.config.manifests_dir)};
}

std::chrono::milliseconds to_ms(double seconds) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

jobs::ExtractionOptions extraction_options(const config::Config& config, int shards) {
    jobs::ExtractionOptions options;
    if (config.extract_reorg_depth > 0)
        options.reorg_depth = static_cast<std::uint64_t>(config.extract_reorg_depth);
    options.poll = to_ms(config.poll_interval_secs);
    options.backoff_base = to_ms(config.jobs_backoff_base_secs);
    options.backoff_max = to_ms(config.jobs_backoff_max_secs);
    options.shard_blocks = static_cast<std::uint64_t>(config.jobs_shard_blocks);
    options.limits.verify = config.extract_verify;
    options.limits.segment_bytes = config.writer_bytes;
    options.limits.flush_interval = to_ms(config.writer_segment_flush_interval_secs);
    options.limits.inflight_bytes = (config.extract_max_inflight_mb << 20) / std::max(shards, 1);
    options.limits.outage_max = to_ms(config.worker_outage_max_secs);
    options.writer.compression = config.writer_compression;
    options.writer.row_group_bytes_max = config.writer_max_row_group_mb << 20;
    options.program = program_version();
    return options;
}

jobs::SchedulerLoopOptions scheduler_options(const config::Config& config) {
    jobs::SchedulerLoopOptions options;
    options.owner = make_uuid_v7();
    options.policy.poison_crashes = static_cast<int>(config.jobs_poison_crashes);
    options.policy.parallelism = static_cast<int>(config.jobs_parallelism);
    options.tick = to_ms(config.controller_tick_secs);
    options.worker_lease = to_ms(config.worker_lease_ttl_secs);
    options.extraction = extraction_options(config, 1);
    return options;
}

std::string worker_info() {
    return fmt::format(R"({{"version":{},"commit_sha":{},"commit_timestamp":"","build_date":{}}})",
                       json_quote(version_number()), json_quote(build_commit()), json_quote(build_date()));
}

std::int64_t memory_limit_bytes(const config::Config& config) {
    if (config.max_mem_mb > 0) return config.max_mem_mb << 20;
    std::int64_t bytes = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
    if (const auto limit = cgroup_limit()) bytes = std::min(bytes, *limit);
    return bytes / 10 * 6;
}

int exit_code_of(const Error& error) {
    if (error.reason == "ACTIVE_JOB" || error.reason == "NODE_ID_IN_USE") return kExitRefused;
    if (error.reason == "SCHEMA_NEWER" || error.reason == "SCHEMA_CHANGED") return kExitFailure;
    return error.code == Code::kInvalidArgument || error.code == Code::kUnsupported ? kExitUsage
                                                                                    : kExitFailure;
}

int exit_with(const Error& error) {
    fmt::print(stderr, "Exiting with error: {}\n", error.message);
    return exit_code_of(error);
}

}  // namespace amp::app
