// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "jobs/job_error.hpp"

#include <fmt/chrono.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <random>

namespace amp::jobs {

std::string error_json(const Error& error, const ErrorPlace& place) {
    const auto now =
        std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
    const auto micros = now.time_since_epoch().count() % 1'000'000;
    nlohmann::ordered_json json = {
        {"error_code", error.reason.empty() ? std::string(to_string(error.code)) : error.reason},
        {"error_message", error.message},
        {"retryable", is_worth_retrying(error)},
        {"at", fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z",
                           fmt::gmtime(std::chrono::system_clock::to_time_t(now)), micros)},
        {"attempt", place.attempt},
    };
    if (!place.node_id.empty()) json["node_id"] = place.node_id;
    if (place.shard_id) json["shard_id"] = *place.shard_id;
    if (place.block) json["block"] = *place.block;
    if (!place.provider.empty()) json["provider"] = place.provider;
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

int attempt_of(const std::string& error_json) {
    const auto json = nlohmann::json::parse(error_json, nullptr, false);
    return json.is_object() && json.contains("attempt") && json["attempt"].is_number_integer()
               ? json["attempt"].get<int>()
               : 0;
}

bool is_worth_retrying(const Error& error) {
    return is_retryable(error.code) || error.reason == "REORG" || error.reason == "NOT_LIVE" ||
           error.reason == "NO_PROVIDER";
}

std::chrono::milliseconds backoff(std::chrono::milliseconds base, std::chrono::milliseconds max,
                                  int attempts) {
    thread_local std::minstd_rand random{std::random_device{}()};
    const double factor = std::uniform_real_distribution<double>(0.8, 1.2)(random);
    const double grown =
        static_cast<double>(base.count()) * static_cast<double>(1ULL << std::clamp(attempts, 0, 20));
    return std::chrono::milliseconds(
        static_cast<std::int64_t>(std::min(grown, static_cast<double>(max.count())) * factor));
}

}  // namespace amp::jobs
