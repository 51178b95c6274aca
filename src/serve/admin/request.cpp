// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/admin/request.hpp"

#include "catalog/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace amp::serve {
namespace {

using catalog::JobStatus;

constexpr std::array kStatuses = {JobStatus::kScheduled, JobStatus::kRunning, JobStatus::kStopRequested,
                                  JobStatus::kStopping,  JobStatus::kStopped, JobStatus::kCompleted,
                                  JobStatus::kFailed};
constexpr std::uint64_t kBlockMax = std::numeric_limits<std::int64_t>::max() - 1;

template <typename... Args>
Error bad(std::string_view code, fmt::format_string<Args...> format, Args&&... args) {
    return make_error(Code::kInvalidArgument, format, std::forward<Args>(args)...).with_reason(code);
}

template <typename T>
std::optional<T> number_of(std::string_view text) {
    T value{};
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

std::string param(const net::HttpRequest& request, const std::string& name) {
    const auto found = request.params.find(name);
    return found == request.params.end() ? std::string() : found->second;
}

Result<int> read_int(const Json& body, const char* key, int low, int high) {
    if (!body.contains(key) || body[key].is_null()) return 0;
    const auto& value = body[key];
    if (!value.is_number_integer() || value < low || value > high)
        return bad("INVALID_BODY", "\"{}\" must be a whole number of {} to {}", key, low, high);
    return value.get<int>();
}

Result<std::string> read_labels(const Json& body, const char* key) {
    if (!body.contains(key)) return std::string("{}");
    const auto& labels = body[key];
    if (!labels.is_object() || labels.size() > 64 ||
        !std::ranges::all_of(labels, [](const Json& value) { return value.is_string(); }))
        return bad("INVALID_BODY", "\"{}\" must be an object of at most 64 texts", key);
    return dump(labels);
}

}  // namespace

Result<Json> read_object(const net::HttpRequest& request, std::initializer_list<std::string_view> keys,
                         bool required, std::string_view code) {
    if (request.body.empty() && !required) return Json::object();
    auto body = Json::parse(request.body, nullptr, false);
    if (!body.is_object()) return bad(code, "the body must be a JSON object");
    for (const auto& [key, value] : body.items())
        if (std::ranges::find(keys, key) == keys.end() && keys.size() > 0)
            return bad(code, "unknown key \"{}\"; known are {}", key.substr(0, 100), fmt::join(keys, ", "));
    return body;
}

Result<std::int64_t> read_id(const net::HttpRequest& request, const std::string& name,
                             std::string_view code) {
    const auto id = number_of<std::int64_t>(param(request, name));
    if (!id || *id <= 0) return bad(code, "the id in the path must be a whole number above 0");
    return *id;
}

std::optional<std::string> query_value(const net::HttpRequest& request, const std::string& name) {
    const auto found = request.query.find(name);
    if (found == request.query.end() || found->second.empty()) return std::nullopt;
    return found->second;
}

Result<Page> read_page(const net::HttpRequest& request) {
    Page page;
    if (const auto limit = request.query.find("limit"); limit != request.query.end()) {
        const auto number = number_of<std::int64_t>(limit->second);
        if (!number || *number < 1) return bad("LIMIT_INVALID", "limit must be a whole number of 1 to 1000");
        if (*number > 1000) return bad("LIMIT_TOO_LARGE", "limit must be at most 1000");
        page.limit = static_cast<int>(*number);
    }
    for (const auto* name : {"cursor", "last_job_id"}) {
        const auto cursor = request.query.find(name);
        if (cursor == request.query.end()) continue;
        page.before = number_of<std::int64_t>(cursor->second);
        if (!page.before || *page.before < 1)
            return bad("INVALID_QUERY_PARAMETERS", "{} must be what an earlier answer gave as next_cursor",
                       name);
    }
    return page;
}

Result<std::vector<JobStatus>> read_statuses(const std::optional<std::string>& text) {
    std::vector<JobStatus> statuses;
    std::string words = text.value_or("active");
    std::ranges::transform(words, words.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    std::size_t at = 0;
    while (at <= words.size()) {
        const auto end = std::min(words.find(',', at), words.size());
        const auto word = words.substr(at, end - at);
        at = end + 1;
        const auto before = statuses.size();
        for (const auto status : kStatuses) {
            std::string name(catalog::to_string(status));
            std::ranges::transform(name, name.begin(), [](char c) {
                return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
            });
            const bool failed = status == JobStatus::kFailed;
            if (word == "all" || word == name || (word == "active" && !catalog::is_terminal(status)) ||
                (word == "terminal" && catalog::is_terminal(status)) ||
                ((word == "error" || word == "fatal") && failed))
                statuses.push_back(status);
        }
        if (statuses.size() == before)
            return bad("INVALID_QUERY_PARAMETERS",
                       "status \"{}\" is none of active, terminal, all, error, fatal and the job states",
                       word.substr(0, 100));
    }
    return statuses;
}

bool is_hash(std::string_view text) {
    return text.size() == 64 && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
           });
}

bool is_node_id(std::string_view text) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    return !text.empty() && text.size() <= 128 && is_letter(text.front()) &&
           std::ranges::all_of(text, [&](char c) {
               return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
           });
}

Result<catalog::DatasetRef> read_dataset(const net::HttpRequest& request) {
    const catalog::DatasetRef ref{
        .ns = param(request, "namespace"), .name = param(request, "name"), .tag = param(request, "revision")};
    const bool has_ns = !ref.ns.empty() && ref.ns.size() <= 63 && std::ranges::all_of(ref.ns, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (!has_ns || !catalog::is_dataset_name(ref.name))
        return bad("INVALID_PATH", "the path names no dataset: NAMESPACE/NAME of a-z, 0-9 and _");
    if (request.params.contains("revision") && ref.tag != "latest" && ref.tag != "dev" && !is_hash(ref.tag) &&
        !catalog::compare_versions(ref.tag, ref.tag))
        return bad("INVALID_PATH_PARAMS", "the revision must be latest, dev, a version or a manifest hash");
    return ref;
}

Result<WantedEnd> read_end_block(const Json& body) {
    WantedEnd end;
    if (!body.contains("end_block") || body["end_block"].is_null()) return end;
    const auto& value = body["end_block"];
    const auto invalid = [] {
        return bad("INVALID_END_BLOCK",
                   "end_block must be a block number, \"latest\", \"finalized\", -N (before the head) or "
                   "null for a job without an end");
    };
    if (value.is_number_unsigned() || value.is_number_integer()) {
        end.text = value.dump();
    } else if (value.is_string()) {
        end.text = value.get<std::string>();
    } else {
        return invalid();
    }
    if (*end.text == "latest" || *end.text == "finalized") return end;
    const bool is_relative = end.text->starts_with('-');
    const auto number = number_of<std::uint64_t>(std::string_view(*end.text).substr(is_relative ? 1 : 0));
    if (!number || *number > kBlockMax) return invalid();
    end.text = fmt::format("{}{}", is_relative ? "-" : "", *number);
    if (!is_relative) end.number = *number;
    return end;
}

Result<WantedJob> read_deploy(const net::HttpRequest& request) {
    TRY_ASSIGN(const auto body, read_object(request,
                                            {"end_block", "parallelism", "worker_id", "labels", "prefer",
                                             "priority", "verify", "max_attempts"},
                                            false, "INVALID_BODY"));
    WantedJob wanted;
    wanted.job.idempotency_key = request.header("idempotency-key").value_or("");
    if (wanted.job.idempotency_key.size() > 255 ||
        !std::ranges::all_of(wanted.job.idempotency_key, [](char c) { return c > ' ' && c < 127; }))
        return bad("INVALID_BODY", "Idempotency-Key must be at most 255 visible ASCII characters");
    TRY_ASSIGN(wanted.end, read_end_block(body));
    wanted.job.origin = "api";
    wanted.job.end_block = wanted.end.number;
    TRY_ASSIGN(wanted.job.parallelism, read_int(body, "parallelism", 0, 1024));
    TRY_ASSIGN(wanted.job.priority, read_int(body, "priority", -1000, 1000));
    TRY_ASSIGN(wanted.job.max_attempts, read_int(body, "max_attempts", 0, 1'000'000));
    TRY_ASSIGN(wanted.job.selector, read_labels(body, "labels"));
    TRY_ASSIGN(wanted.job.prefer, read_labels(body, "prefer"));
    if (body.contains("worker_id")) {
        const auto& glob = body["worker_id"];
        if (!glob.is_string()) return bad("INVALID_BODY", "\"worker_id\" must be a text");
        wanted.job.worker_glob = glob.get<std::string>();
        if (wanted.job.worker_glob.size() > 128 ||
            !std::ranges::all_of(wanted.job.worker_glob, [](char c) { return c > ' ' && c < 127; }))
            return bad("INVALID_BODY", "\"worker_id\" must be a node id, or one with * and ?");
    }
    if (body.contains("verify")) {
        if (!body["verify"].is_boolean()) return bad("INVALID_BODY", "\"verify\" must be true or false");
        wanted.verify = body["verify"].get<bool>();
    }
    return wanted;
}

}  // namespace amp::serve
