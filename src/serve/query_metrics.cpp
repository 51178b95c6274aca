// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/query_metrics.hpp"

#include <array>

namespace amp::serve {

void QueryCounts::ended(std::chrono::steady_clock::duration took, std::uint64_t rows, std::uint64_t bytes) {
    const std::scoped_lock lock(mutex_);
    ++figures_.queries;
    figures_.seconds += std::chrono::duration<double>(took).count();
    figures_.rows += rows;
    figures_.bytes += bytes;
}

void QueryCounts::failed(const Error& error) {
    const auto code = error.reason.empty() ? std::string("INTERNAL_ERROR") : error.reason;
    const std::scoped_lock lock(mutex_);
    ++figures_.errors[code];
}

QueryCounts::Figures QueryCounts::figures() const {
    const std::scoped_lock lock(mutex_);
    return figures_;
}

std::string QueryMetrics::text(const QueryGate& gate, bool catalog_is_ready) const {
    MetricsText out;
    out.family("amp_build_info", "gauge", "Always 1.");
    out.sample(build_info, 1);
    out.one("amp_start_time_seconds", "gauge", "When the process started, Unix time.",
            static_cast<double>(started_at_us) * 1e-6);
    out.one("amp_db_up", "gauge", "1 if the catalog was read from the metadata database lately.",
            catalog_is_ready ? 1 : 0);
    const auto load = gate.load();
    out.one("amp_queries_running", "gauge", "Queries that run.", load.running);
    out.one("amp_queries_waiting", "gauge", "Queries that wait for a slot.", load.waiting);
    const std::array interfaces = {std::pair("flight", flight.figures()),
                                   std::pair("jsonl", jsonl.figures())};
    const auto each = [&](std::string_view name, std::string_view help, auto value) {
        out.family(name, "counter", help);
        for (const auto& [interface, figures] : interfaces)
            out.sample(metric_label("interface", interface), static_cast<double>(value(figures)));
    };
    each("amp_queries_total", "Queries that ended.", [](const auto& f) { return f.queries; });
    out.family("amp_query_seconds", "summary", "Time of queries, waiting for a slot included.");
    for (const auto& [interface, figures] : interfaces) {
        out.sample(metric_label("interface", interface), figures.seconds, "_sum");
        out.sample(metric_label("interface", interface), static_cast<double>(figures.queries), "_count");
    }
    each("amp_query_rows_total", "Rows sent.", [](const auto& f) { return f.rows; });
    each("amp_query_bytes_total", "Bytes of Arrow data sent.", [](const auto& f) { return f.bytes; });
    out.family("amp_query_errors_total", "counter", "Queries that failed.");
    for (const auto& [interface, figures] : interfaces)
        for (const auto& [code, count] : figures.errors)
            out.sample(metric_label("interface", interface) + "," + metric_label("code", code),
                       static_cast<double>(count));
    requests.write(out, "jsonl");
    return std::move(out).text();
}

}  // namespace amp::serve
