// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include "base/json_text.hpp"
#include "base/time.hpp"

#include <atomic>
#include <cstdio>
#include <mutex>

namespace amp::log {
namespace {

std::atomic<Level> level_now{Level::kInfo};
std::atomic<bool> json_now{false};
std::mutex sink_mutex;
std::function<void(std::string_view)> sink_now;

std::string_view name_of(Level level) {
    switch (level) {
        case Level::kError:
            return "error";
        case Level::kWarn:
            return "warn";
        case Level::kInfo:
            return "info";
        case Level::kDebug:
            return "debug";
        case Level::kTrace:
            return "trace";
    }
    return "info";
}

bool needs_quotes(std::string_view value) {
    return value.empty() || value.find_first_of(" \t\n\r\"=") != std::string_view::npos;
}

}  // namespace

void configure(const Options& options) {
    level_now = options.level;
    json_now = options.json;
}

bool enabled(Level level) { return level <= level_now.load(std::memory_order_relaxed); }

void write(Level level, std::string_view module, std::string_view message,
           std::initializer_list<Field> fields) {
    if (!enabled(level)) return;
    std::string line;
    if (json_now) {
        line = fmt::format(R"({{"ts":"{}","level":"{}","target":"{}","msg":{})", format_utc_ms(now_us()),
                           name_of(level), module, json_quote(message));
        for (const auto& field : fields)
            line += fmt::format(",{}:{}", json_quote(field.key), json_quote(field.value));
        line += "}\n";
    } else {
        line = fmt::format("{} {:5} {} {}", format_utc_ms(now_us()), name_of(level), module, message);
        for (const auto& field : fields)
            line += fmt::format(" {}={}", field.key,
                                needs_quotes(field.value) ? json_quote(field.value) : field.value);
        line += '\n';
    }
    const std::scoped_lock lock(sink_mutex);
    if (sink_now) {
        sink_now(line);
    } else {
        std::fwrite(line.data(), 1, line.size(), stderr);
    }
}

void set_sink(std::function<void(std::string_view line)> sink) {
    const std::scoped_lock lock(sink_mutex);
    sink_now = std::move(sink);
}

std::string redact_url(std::string_view url) {
    const auto scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos) return "***";
    const auto host_begin = scheme_end + 3;
    const auto host_end = std::min(url.find_first_of("/?#", host_begin), url.size());
    auto host = url.substr(host_begin, host_end - host_begin);
    if (const auto at = host.rfind('@'); at != std::string_view::npos) host.remove_prefix(at + 1);
    const bool has_rest = host_end < url.size() && url.substr(host_end) != "/";
    return fmt::format("{}://{}{}", url.substr(0, scheme_end), host, has_rest ? "/***" : "");
}

}  // namespace amp::log
