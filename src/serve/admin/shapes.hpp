// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catalog/meta_store.hpp"
#include "serve/admin/admin_backend.hpp"

#include <nlohmann/json.hpp>

#include <span>
#include <string>
#include <string_view>

namespace amp::serve {

using Json = nlohmann::ordered_json;

/// RFC 3339, UTC, with microseconds.
std::string time_text(std::int64_t us);
/// The text as JSON; an empty object if it is none.
Json stored_json(std::string_view text);
/// As sent: invalid UTF-8 is replaced, never an exception.
std::string dump(const Json& json);

/// The shapes of the Admin API.
Json to_json(const catalog::Shard& shard);
Json to_json(const catalog::JobEvent& event);
Json to_json(const catalog::Worker& worker, int running);
Json to_json(const ProviderView& provider);
/// `versions`: all tags of the dataset, to name the version of its manifest.
Json to_json(const catalog::Dataset& dataset, std::span<const catalog::Dataset> versions);
Json summary_json(std::span<const catalog::Dataset> tags, std::optional<std::int64_t> active_job);
Json versions_json(std::span<const catalog::Dataset> tags);

/// What is done of a job by the files that are there, and how fast of late.
Json progress_json(const catalog::Job& job, std::span<const catalog::TableStats> tables, std::int64_t now_us);
/// `shards` are the job's; `dataset` is "namespace/name".
Json job_json(const catalog::Job& job, const std::string& dataset, std::span<const catalog::Shard> shards,
              Json progress);

/// "_/name" as the descriptor of a job says it; empty if it does not.
std::string dataset_of_descriptor(const Json& descriptor);

/// The window of the rates, us.
inline constexpr std::int64_t kRateWindowUs = 30'000'000;

}  // namespace amp::serve
