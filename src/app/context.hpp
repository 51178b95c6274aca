// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "base/result.hpp"
#include "catalog/meta_store.hpp"
#include "config/config.hpp"
#include "jobs/dataset_plan.hpp"
#include "jobs/registration.hpp"
#include "jobs/scheduler_loop.hpp"
#include "metadb/open_store.hpp"
#include "storage/object_store.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace amp::app {

/// Loads the configuration, sets up logging and writes the first log line.
Result<config::Loaded> load_configuration(const CommonFlags& flags);

metadb::StoreOptions store_options(const config::Loaded& loaded);
/// The metadata store of the configuration, migrated where allowed.
Result<std::unique_ptr<catalog::MetaStore>> open_metadata(const config::Loaded& loaded);
Result<std::unique_ptr<storage::ObjectStore>> open_data(const config::Loaded& loaded);
jobs::ManifestPlaces manifest_places(const config::Loaded& loaded);

std::chrono::milliseconds to_ms(double seconds);
/// How this process extracts, with so many shards at once.
jobs::ExtractionOptions extraction_options(const config::Config& config, int shards);
jobs::SchedulerLoopOptions scheduler_options(const config::Config& config);
/// {version, commit_sha, commit_timestamp, build_date} for the `workers` row.
std::string worker_info();

/// Bytes of memory this process may use: `max_mem_mb`, else 60 % of the machine or cgroup.
std::int64_t memory_limit_bytes(const config::Config& config);

/// Maps an error to the exit code of the command line reference.
int exit_code_of(const Error& error);

/// Writes the last line of a failure to stderr and returns its exit code.
int exit_with(const Error& error);

}  // namespace amp::app
