// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace amp::jobs {

/// Where an error of a job happened; what is empty or absent is left out.
struct ErrorPlace {
    std::string node_id;
    std::optional<std::int64_t> shard_id;
    std::optional<std::uint64_t> block;
    std::string provider;
    int attempt = 0;
};

/// `last_error` of jobs and shards: {error_code, error_message, retryable, at, ..}.
std::string error_json(const Error& error, const ErrorPlace& place = {});
/// The `attempt` of such a text; 0 if it has none.
int attempt_of(const std::string& error_json);

/// True if trying again may help although nothing was changed by the user: also a chain that moved, files
/// that another shard replaced, and a provider that is missing now.
bool is_worth_retrying(const Error& error);

/// min(max, base x 2^attempts) x random 0.8..1.2.
std::chrono::milliseconds backoff(std::chrono::milliseconds base, std::chrono::milliseconds max,
                                  int attempts);

}  // namespace amp::jobs
