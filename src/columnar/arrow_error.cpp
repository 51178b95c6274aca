// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "columnar/arrow_error.hpp"

#include <arrow/status.h>
#include <arrow/util/io_util.h>

#include <cerrno>

namespace amp::columnar {
namespace {

Code code_of(const arrow::Status& status) {
    switch (arrow::internal::ErrnoFromStatus(status)) {
        case 0:
            break;
        case EACCES:
        case EPERM:
        case EROFS:
            return Code::kPermissionDenied;
        case ENOENT:
        case ENOTDIR:
            return Code::kNotFound;
        default:
            return Code::kUnavailable;
    }
    switch (status.code()) {
        case arrow::StatusCode::IOError:
            return Code::kUnavailable;
        case arrow::StatusCode::OutOfMemory:
        case arrow::StatusCode::CapacityError:
            return Code::kResourceExhausted;
        case arrow::StatusCode::Cancelled:
            return Code::kCancelled;
        case arrow::StatusCode::NotImplemented:
            return Code::kUnsupported;
        default:
            return Code::kInternal;
    }
}

}  // namespace

Error to_error(const arrow::Status& status, std::string_view context) {
    Error error{code_of(status), status.message(), {}};
    if (context.empty()) return error;
    return std::move(error).with_context(context);
}

}  // namespace amp::columnar
