// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace amp::serve {

inline constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

/// Writes the Prometheus text format 0.0.4, one family at a time: its samples stay together as the format
/// wants it.
class MetricsText {
  public:
    void family(std::string_view name, std::string_view type, std::string_view help) {
        out_ += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
        name_ = name;
    }
    void sample(std::string_view labels, double value, std::string_view suffix = {}) {
        out_ += fmt::format("{}{}{}{}{} {}\n", name_, suffix, labels.empty() ? "" : "{", labels,
                            labels.empty() ? "" : "}", value);
    }
    void one(std::string_view name, std::string_view type, std::string_view help, double value) {
        family(name, type, help);
        sample({}, value);
    }
    std::string text() && { return std::move(out_); }

  private:
    std::string out_;
    std::string_view name_;
};

/// name="value", escaped.
inline std::string metric_label(std::string_view name, std::string_view value) {
    std::string escaped;
    for (const char c : value) {
        if (c == '\\' || c == '"') escaped += '\\';
        escaped += c == '\n' ? ' ' : c;
    }
    return fmt::format("{}=\"{}\"", name, escaped);
}

/// Requests answered so far, by route and status. Threads: any.
class RequestCounts {
  public:
    void add(std::string_view route, int status, double seconds) {
        const std::scoped_lock lock(mutex_);
        auto& figures = figures_[{std::string(route), status}];
        ++figures.count;
        figures.seconds += seconds;
    }
    /// Families http_requests_total and http_request_seconds.
    void write(MetricsText& out, std::string_view server) const {
        const std::scoped_lock lock(mutex_);
        const auto labels = [&](const Key& key) {
            return fmt::format("{},{},{}", metric_label("server", server), metric_label("route", key.first),
                               metric_label("status", std::to_string(key.second)));
        };
        out.family("amp_http_requests_total", "counter", "Requests answered.");
        for (const auto& [key, figure] : figures_) out.sample(labels(key), static_cast<double>(figure.count));
        out.family("amp_http_request_seconds", "summary", "Time to the first byte of an answer.");
        for (const auto& [key, figure] : figures_) {
            out.sample(labels(key), figure.seconds, "_sum");
            out.sample(labels(key), static_cast<double>(figure.count), "_count");
        }
    }

  private:
    using Key = std::pair<std::string, int>;  // route, status
    struct Figures {
        std::uint64_t count = 0;
        double seconds = 0;
    };
    mutable std::mutex mutex_;
    std::map<Key, Figures> figures_;
};

}  // namespace amp::serve
