// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catalog/meta_store.hpp"
#include "serve/admin/admin_backend.hpp"
#include "serve/admin/admin_server.hpp"
#include "serve/admin/endpoint.hpp"
#include "serve/admin/shapes.hpp"
#include "serve/metrics_text.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace amp::serve {

/// What all endpoints share.
struct AdminContext {
    catalog::MetaStore& store;
    AdminBackend& backend;
    AdminOptions options;
    std::int64_t started_at_us = 0;
    RequestCounts requests;
    std::string openapi;
};

net::HttpResponse reply(int status, const Json& body);
net::HttpResponse no_content();

/// The rows of the route table, by subject. The context must outlive them.
void add_service_endpoints(std::vector<Endpoint>& table, AdminContext& context);
void add_dataset_endpoints(std::vector<Endpoint>& table, AdminContext& context);
void add_job_endpoints(std::vector<Endpoint>& table, AdminContext& context);
void add_worker_endpoints(std::vector<Endpoint>& table, AdminContext& context);
void add_provider_endpoints(std::vector<Endpoint>& table, AdminContext& context);
void add_manifest_endpoints(std::vector<Endpoint>& table, AdminContext& context);
void add_revision_endpoints(std::vector<Endpoint>& table, AdminContext& context);

/// kNotFound, reason TABLE_NOT_IN_MANIFEST.
Result<> check_table(const catalog::Dataset& dataset, const std::string& table);

/// A job as the API shows it, with its progress.
Result<Json> describe_job(catalog::MetaStore& store, const catalog::Job& job);
/// "namespace/name" of the dataset that a job writes.
Result<std::string> dataset_of(catalog::MetaStore& store, const catalog::Job& job);

/// The metrics of the cluster and of this process, Prometheus text format 0.0.4.
std::string metrics_text(AdminContext& context);

}  // namespace amp::serve
