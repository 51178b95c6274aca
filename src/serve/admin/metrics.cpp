// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/admin/admin_context.hpp"

#include <fmt/format.h>

#include <set>

namespace amp::serve {
namespace {

void counts(MetricsText& out, std::string_view name, std::string_view help, std::string_view by,
            std::initializer_list<std::string_view> states,
            const std::map<std::string, std::int64_t>& found) {
    out.family(name, "gauge", help);
    for (const auto state : states) {
        const auto at = found.find(std::string(state));
        out.sample(metric_label(by, state), at == found.end() ? 0.0 : static_cast<double>(at->second));
    }
}

void workers(MetricsText& out, const std::vector<catalog::Worker>& rows, std::int64_t now) {
    std::vector<std::pair<const catalog::Worker*, Json>> live;
    for (const auto& worker : rows)
        if (worker.state != catalog::WorkerState::kGone)
            live.emplace_back(&worker, stored_json(worker.stats));
    const auto each = [&](std::string_view name, std::string_view type, std::string_view help, auto value) {
        out.family(name, type, help);
        for (const auto& [worker, stats] : live)
            out.sample(metric_label("node_id", worker->node_id), value(*worker, stats));
    };
    each("amp_worker_heartbeat_age_seconds", "gauge", "Since the newest heartbeat.",
         [&](const auto& worker, const Json&) {
             return static_cast<double>(std::max<std::int64_t>(0, now - worker.heartbeat_at)) * 1e-6;
         });
    each("amp_worker_slots", "gauge", "Shards that the worker runs at once.",
         [](const auto& worker, const Json&) { return static_cast<double>(worker.slots); });
    const auto stat = [](const char* key) {
        return [key](const auto&, const Json& stats) { return stats.value(key, 0.0); };
    };
    each("amp_worker_running", "gauge", "Shards that run.", stat("running"));
    each("amp_extract_blocks_total", "counter", "Blocks committed by the worker's session.",
         stat("blocks_total"));
    each("amp_extract_rows_total", "counter", "Rows committed by the worker's session.", stat("rows_total"));
    each("amp_extract_files_total", "counter", "Files committed by the worker's session.",
         stat("files_total"));
    each("amp_extract_bytes_total", "counter", "Bytes committed by the worker's session.",
         stat("bytes_total"));
    each("amp_fenced_total", "counter", "Sessions of the process that were taken away.",
         stat("fenced_total"));
}

}  // namespace

std::string metrics_text(AdminContext& context) {
    MetricsText out;
    const Json info = stored_json(context.options.info);
    out.family("amp_build_info", "gauge", "Always 1.");
    out.sample(fmt::format("{},{},{}", metric_label("version", info.value("version", std::string())),
                           metric_label("commit", info.value("commit_sha", std::string())),
                           metric_label("role", context.options.role)),
               1);
    out.one("amp_start_time_seconds", "gauge", "When the process started, Unix time.",
            static_cast<double>(context.started_at_us) * 1e-6);
    out.one("amp_scheduler_leader", "gauge", "1 while this process schedules.",
            context.backend.is_leader() ? 1 : 0);
    out.one("amp_scheduler_step_seconds", "gauge", "Time of the newest scheduler step.",
            context.backend.scheduler_step_seconds());
    const auto figures = context.store.state_counts();
    const auto rows = context.store.list_workers();
    const auto now = context.store.now_us();
    out.one("amp_db_up", "gauge", "1 if the metadata database answers.",
            figures.ok() && rows.ok() && now.ok() ? 1 : 0);
    if (figures.ok()) {
        counts(out, "amp_jobs", "Jobs by status.", "status",
               {"SCHEDULED", "RUNNING", "STOP_REQUESTED", "STOPPING", "STOPPED", "COMPLETED", "FAILED"},
               figures->jobs);
        counts(out, "amp_shards", "Shards by status.", "status",
               {"PENDING", "RUNNING", "DONE", "FAILED", "CANCELLED"}, figures->shards);
        counts(out, "amp_workers", "Workers by state.", "state", {"ACTIVE", "DRAINING", "GONE"},
               figures->workers);
    }
    if (rows.ok() && now.ok()) workers(out, *rows, *now);
    context.requests.write(out, "admin");
    return std::move(out).text();
}

}  // namespace amp::serve
