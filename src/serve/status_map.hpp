// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace arrow {
class Status;
}

namespace amp::serve {

/// The gRPC statuses that the Flight library can send (query wire reference 2.12).
enum class GrpcStatus : std::uint8_t {
    kInvalidArgument,
    kNotFound,
    kAlreadyExists,
    kUnimplemented,
    kCancelled,
    kDeadlineExceeded,
    kUnauthenticated,
    kPermissionDenied,
    kUnavailable,
    kInternal,
};

/// An error as a client sees it, the same on every protocol.
struct PublicError {
    int http = 500;
    GrpcStatus grpc = GrpcStatus::kInternal;
    std::string code;             // query wire reference 2.10
    std::string message;          // for an error of the server without its cause
    int retry_after_seconds = 0;  // 0 = no hint
};

/// Decides what clients see of an error: by its reason where the reference fixes the statuses, else by its
/// code. Errors of the server (HTTP 500) are logged here with their cause under the request id; the client
/// gets the id only.
PublicError to_public(const Error& error, std::string_view request_id);

/// "CODE: message" with the status of `error`.
arrow::Status to_flight_status(const PublicError& error);

}  // namespace amp::serve
