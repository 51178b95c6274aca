// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "catalog/meta_store.hpp"
#include "net/http_server.hpp"
#include "serve/admin/shapes.hpp"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace amp::serve {

/// Readers of what clients send. Every error has the error code of the API as its reason.

/// The body as an object of these keys only; absent body = empty object if it is optional.
Result<Json> read_object(const net::HttpRequest& request, std::initializer_list<std::string_view> keys,
                         bool required, std::string_view code);
Result<std::int64_t> read_id(const net::HttpRequest& request, const std::string& name, std::string_view code);

struct Page {
    int limit = 50;
    std::optional<std::int64_t> before;  // ids below
};
Result<Page> read_page(const net::HttpRequest& request);

/// The value of a query parameter; absent if it is not there or empty.
std::optional<std::string> query_value(const net::HttpRequest& request, const std::string& name);

/// `active`, `terminal`, `all`, `error`, `fatal` or a comma list of job states, in any case.
Result<std::vector<catalog::JobStatus>> read_statuses(const std::optional<std::string>& text);

/// Namespace and name of the path, and `rev` if the path has one.
Result<catalog::DatasetRef> read_dataset(const net::HttpRequest& request);

bool is_hash(std::string_view text);
bool is_node_id(std::string_view text);

/// `end_block` as asked for: absent = without an end.
struct WantedEnd {
    std::optional<std::string> text;  // as the descriptor has it
    std::optional<BlockNum> number;   // if it is one
};
Result<WantedEnd> read_end_block(const Json& body);

/// A job as asked for by Deploy, without its dataset.
struct WantedJob {
    WantedEnd end;
    bool verify = true;
    catalog::NewJob job;
};
Result<WantedJob> read_deploy(const net::HttpRequest& request);

}  // namespace amp::serve
