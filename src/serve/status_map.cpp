// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/status_map.hpp"

#include "base/log.hpp"

#include <arrow/flight/types.h>
#include <arrow/status.h>

#include <algorithm>
#include <array>
#include <optional>

namespace amp::serve {
namespace {

struct Mapping {
    std::string_view code;  // the word clients match on
    int http;
    GrpcStatus grpc;
};

// Reasons whose statuses do not follow from the code of the error.
constexpr std::array kByReason{
    Mapping{"CATALOG_FOR_SQL_ERROR", 404, GrpcStatus::kNotFound},
    Mapping{"CORE_EXECUTION_ERROR", 500, GrpcStatus::kInternal},
    Mapping{"DATASET_STORE_ERROR", 500, GrpcStatus::kInternal},
    Mapping{"MEMORY_LIMIT_EXCEEDED", 422, GrpcStatus::kInvalidArgument},
    Mapping{"NOT_ACCEPTABLE", 406, GrpcStatus::kInvalidArgument},
    Mapping{"RATE_LIMITED", 429, GrpcStatus::kUnavailable},
    Mapping{"RESULT_LIMIT_EXCEEDED", 422, GrpcStatus::kInvalidArgument},
    Mapping{"STREAMING_EXECUTION_ERROR", 500, GrpcStatus::kInternal},
    Mapping{"TABLE_NOT_FOUND_ERROR", 404, GrpcStatus::kNotFound},
    Mapping{"TOO_MANY_QUERIES", 429, GrpcStatus::kUnavailable},
    Mapping{"UNAUTHORIZED", 401, GrpcStatus::kUnauthenticated},
};

Mapping by_code(Code code) {
    switch (code) {
        case Code::kInvalidArgument:
            return {"INVALID_QUERY", 400, GrpcStatus::kInvalidArgument};
        case Code::kNotFound:
            return {"NOT_FOUND", 404, GrpcStatus::kNotFound};
        case Code::kAlreadyExists:
            return {"ALREADY_EXISTS", 409, GrpcStatus::kAlreadyExists};
        case Code::kConflict:
            return {"CONFLICT", 409, GrpcStatus::kAlreadyExists};
        case Code::kUnavailable:
            return {"NOT_READY", 503, GrpcStatus::kUnavailable};
        case Code::kDeadlineExceeded:
            return {"QUERY_TIMEOUT", 504, GrpcStatus::kDeadlineExceeded};
        // HTTP has no word for it; a client that still listens was cut by the end of the server.
        case Code::kCancelled:
            return {"CANCELLED", 503, GrpcStatus::kCancelled};
        case Code::kCorruption:
            return {"DATASET_STORE_ERROR", 500, GrpcStatus::kInternal};
        case Code::kUnsupported:
            return {"UNSUPPORTED", 501, GrpcStatus::kUnimplemented};
        case Code::kPermissionDenied:
            return {"FORBIDDEN", 403, GrpcStatus::kPermissionDenied};
        case Code::kResourceExhausted:
            return {"TOO_MANY_QUERIES", 429, GrpcStatus::kUnavailable};
        case Code::kInternal:
            return {"CORE_EXECUTION_ERROR", 500, GrpcStatus::kInternal};
    }
    return {"CORE_EXECUTION_ERROR", 500, GrpcStatus::kInternal};
}

int retry_after(int http, Code code) {
    if (http == 429) return 1;
    return http == 503 && code == Code::kUnavailable ? 2 : 0;
}

}  // namespace

PublicError to_public(const Error& error, std::string_view request_id) {
    Mapping mapping = by_code(error.code);
    if (!error.reason.empty()) {
        const auto* found = std::find_if(kByReason.begin(), kByReason.end(),
                                         [&](const Mapping& m) { return m.code == error.reason; });
        if (found != kByReason.end()) mapping = *found;
        mapping.code = error.reason;
    }
    PublicError out{.http = mapping.http,
                    .grpc = mapping.grpc,
                    .code = std::string(mapping.code),
                    .message = error.message,
                    .retry_after_seconds = retry_after(mapping.http, error.code)};
    if (out.http == 500) {
        log::error("serve", "a request failed inside the server",
                   {{"request_id", request_id}, {"code", out.code}, {"error", error.message}});
        out.message = fmt::format(
            "an internal error occurred; the server's log has the cause under request id {}", request_id);
    } else if (out.retry_after_seconds > 0) {
        out.message += fmt::format(" (retry after {} s)", out.retry_after_seconds);
    }
    return out;
}

arrow::Status to_flight_status(const PublicError& error) {
    using arrow::flight::FlightStatusCode;
    using arrow::flight::MakeFlightError;
    const std::string text = error.code + ": " + error.message;
    switch (error.grpc) {
        case GrpcStatus::kInvalidArgument:
            return arrow::Status::Invalid(text);
        case GrpcStatus::kNotFound:
            return arrow::Status::KeyError(text);
        case GrpcStatus::kAlreadyExists:
            return arrow::Status::AlreadyExists(text);
        case GrpcStatus::kUnimplemented:
            return arrow::Status::NotImplemented(text);
        case GrpcStatus::kCancelled:
            return MakeFlightError(FlightStatusCode::Cancelled, text);
        case GrpcStatus::kDeadlineExceeded:
            return MakeFlightError(FlightStatusCode::TimedOut, text);
        case GrpcStatus::kUnauthenticated:
            return MakeFlightError(FlightStatusCode::Unauthenticated, text);
        case GrpcStatus::kPermissionDenied:
            return MakeFlightError(FlightStatusCode::Unauthorized, text);
        case GrpcStatus::kUnavailable:
            return MakeFlightError(FlightStatusCode::Unavailable, text);
        case GrpcStatus::kInternal:
            return MakeFlightError(FlightStatusCode::Internal, text);
    }
    return arrow::Status::UnknownError(text);
}

}  // namespace amp::serve
