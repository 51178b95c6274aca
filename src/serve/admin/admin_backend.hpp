// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "catalog/types.hpp"

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace amp::serve {

struct DatasetRegistration {
    std::string ns = "_";
    std::string name;
    std::optional<std::string> version;
    std::string manifest;        // JSON text
    bool force_version = false;  // the version may have had another manifest
    bool strict = false;         // a warning is an error
};

struct RegisteredDataset {
    catalog::Dataset dataset;
    std::vector<std::string> warnings;
};

struct StoredManifest {
    std::string hash;
    std::vector<std::string> warnings;
};

/// A provider as the API may show it.
struct ProviderView {
    std::string name;
    std::string kind;
    std::string network;
    std::string source;         // environment, file, api or built-in
    std::string config = "{}";  // JSON object, secrets as "***"
    std::string error;          // not empty: unusable, and why
};

struct ProviderProbe {
    std::string error;  // not empty: it did not answer, and why
    std::optional<BlockNum> head;
    std::optional<BlockNum> finalized;
    std::optional<std::uint64_t> chain_id;
    double latency_ms = 0;
};

struct RestoredTable {
    std::string table;
    std::int64_t revision_id = 0;
    std::string path;  // relative to the data directory
};

struct Collected {
    std::int64_t files = 0;
    std::int64_t bytes = 0;
};

/// What the Admin API needs of the parts of the program above it. Threads: any. The reasons of errors are
/// error codes of the API.
class AdminBackend {
  public:
    virtual ~AdminBackend() = default;

    /// Finds a dataset as `dump` does, registering what datasets_dir or the program brings. kNotFound, reason
    /// DATASET_NOT_FOUND, with near names.
    virtual Result<catalog::Dataset> resolve_dataset(const std::string& reference) = 0;
    virtual Result<RegisteredDataset> register_dataset(const DatasetRegistration& registration) = 0;
    /// Validates and stores a manifest without linking it.
    virtual Result<StoredManifest> store_manifest(const std::string& json) = 0;

    virtual Result<std::vector<ProviderView>> providers() = 0;
    /// `config` is a JSON object with every key but name, kind and network; the value "***" keeps what is
    /// stored. Without `replace` an existing one of other content is PROVIDER_CONFLICT.
    virtual Result<ProviderView> put_provider(const std::string& name, const std::string& kind,
                                              const std::string& network, const std::string& config,
                                              bool replace) = 0;
    virtual Result<> delete_provider(const std::string& name) = 0;
    /// kNotFound, reason PROVIDER_NOT_FOUND. A provider that does not answer is no error.
    virtual Result<ProviderProbe> test_provider(const std::string& name, std::stop_token stop) = 0;

    /// Registers what lies in the revision's directory and is not known; how many files it has then.
    virtual Result<std::int64_t> restore_revision(const catalog::Revision& revision) = 0;
    /// Restores and activates the given revision, or the newest directory of each table. kNotFound: reason
    /// REVISION_NOT_FOUND or TABLE_NOT_REGISTERED; kConflict: reason WRITER_JOB_NOT_TERMINAL.
    virtual Result<std::vector<RestoredTable>> restore_tables(const catalog::Dataset& dataset,
                                                              const std::vector<std::string>& tables,
                                                              std::optional<std::int64_t> revision_id) = 0;
    /// Deletes files that are due, of one revision if given; `dry_run` counts them only.
    virtual Result<Collected> collect(std::optional<std::int64_t> revision_id, bool dry_run) = 0;
    /// Where an object of the data directory is, without secrets.
    virtual std::string object_url(const std::string& path) = 0;

    /// Of this process.
    virtual bool is_leader() = 0;
    virtual double scheduler_step_seconds() = 0;
};

}  // namespace amp::serve
