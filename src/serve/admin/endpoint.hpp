// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "net/http_server.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace amp::serve {

struct QueryParameter {
    std::string_view name;
    std::string_view schema;  // JSON
    std::string_view help;
};

struct Answer {
    int status = 200;
    std::string_view schema;  // component name; empty = no body
    std::string_view content_type = "application/json";
};

using AdminHandler = std::function<Result<net::HttpResponse>(const net::HttpRequest&)>;

/// One operation: the route, its documentation and its code in one row.
struct Endpoint {
    std::string_view method;
    std::string_view path;
    std::string_view id;  // operationId
    std::string_view summary;
    std::vector<QueryParameter> query;
    std::string_view body;  // component name; empty = none is read
    bool body_required = false;
    std::vector<Answer> answers;
    std::vector<std::string_view> codes;          // error codes of 4xx answers that it can give
    std::string_view failure = "INTERNAL_ERROR";  // error code of its 500
    bool is_open = false;                         // needs no token
    AdminHandler handler;
};

/// HTTP status of an error code of the Admin API.
int status_of_code(std::string_view code);

/// The OpenAPI 3.1 document of a route table, as JSON text.
std::string openapi_document(const std::vector<Endpoint>& endpoints, std::string_view version);

}  // namespace amp::serve
