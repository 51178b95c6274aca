// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/admin/admin_context.hpp"
#include "serve/admin/request.hpp"

namespace amp::serve {
namespace {

int running_of(const catalog::Worker& worker) {
    return worker.state == catalog::WorkerState::kGone ? 0 : stored_json(worker.stats).value("running", 0);
}

Result<std::string> node_id(const net::HttpRequest& request) {
    auto id = request.params.at("node_id");
    if (is_node_id(id)) return id;
    return make_error(Code::kInvalidArgument,
                      "the path names no worker: a letter, then letters, digits, _ - .")
        .with_reason("INVALID_WORKER_ID");
}

Result<net::HttpResponse> list(AdminContext& context) {
    TRY_ASSIGN(const auto workers, context.store.list_workers());
    Json shown = Json::array();
    for (const auto& worker : workers) shown.push_back(to_json(worker, running_of(worker)));
    return reply(200, {{"workers", std::move(shown)}});
}

Result<net::HttpResponse> get(AdminContext& context, const net::HttpRequest& request) {
    TRY_ASSIGN(const auto id, node_id(request));
    TRY_ASSIGN(const auto workers, context.store.list_workers());
    for (const auto& worker : workers)
        if (worker.node_id == id) return reply(200, to_json(worker, running_of(worker)));
    return make_error(Code::kNotFound, "worker \"{}\" was never seen", id).with_reason("WORKER_NOT_FOUND");
}

Result<net::HttpResponse> drain(AdminContext& context, const net::HttpRequest& request) {
    TRY_ASSIGN(const auto id, node_id(request));
    TRY_ASSIGN(const auto worker, context.store.drain_worker(id));
    return reply(202, to_json(worker, running_of(worker)));
}

Result<net::HttpResponse> remove(AdminContext& context, const net::HttpRequest& request) {
    TRY_ASSIGN(const auto id, node_id(request));
    TRY(context.store.delete_worker(id));
    return no_content();
}

}  // namespace

void add_worker_endpoints(std::vector<Endpoint>& table, AdminContext& context) {
    table.push_back({.method = "GET",
                     .path = "/workers",
                     .id = "listWorkers",
                     .summary = "All workers",
                     .answers = {{200, "Workers"}},
                     .failure = "SCHEDULER_LIST_WORKERS_ERROR",
                     .handler = [&context](const auto&) { return list(context); }});
    table.push_back({.method = "GET",
                     .path = "/workers/{node_id}",
                     .id = "getWorker",
                     .summary = "One worker",
                     .answers = {{200, "Worker"}},
                     .codes = {"INVALID_WORKER_ID", "WORKER_NOT_FOUND"},
                     .failure = "SCHEDULER_LIST_WORKERS_ERROR",
                     .handler = [&context](const auto& request) { return get(context, request); }});
    table.push_back({.method = "DELETE",
                     .path = "/workers/{node_id}",
                     .id = "deleteWorker",
                     .summary = "Forget a worker that is GONE",
                     .answers = {{204, {}}},
                     .codes = {"INVALID_WORKER_ID", "WORKER_NOT_FOUND", "WORKER_ACTIVE"},
                     .handler = [&context](const auto& request) { return remove(context, request); }});
    table.push_back({.method = "POST",
                     .path = "/workers/{node_id}/drain",
                     .id = "drainWorker",
                     .summary = "Let a worker finish and end",
                     .answers = {{202, "Worker"}},
                     .codes = {"INVALID_WORKER_ID", "WORKER_NOT_FOUND"},
                     .handler = [&context](const auto& request) { return drain(context, request); }});
}

}  // namespace amp::serve
