// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "base/result.hpp"

namespace amp {

std::string_view to_string(Code code) {
    switch (code) {
        case Code::kInvalidArgument:
            return "invalid argument";
        case Code::kNotFound:
            return "not found";
        case Code::kAlreadyExists:
            return "already exists";
        case Code::kConflict:
            return "conflict";
        case Code::kUnavailable:
            return "unavailable";
        case Code::kDeadlineExceeded:
            return "deadline exceeded";
        case Code::kCancelled:
            return "cancelled";
        case Code::kCorruption:
            return "corruption";
        case Code::kUnsupported:
            return "unsupported";
        case Code::kPermissionDenied:
            return "permission denied";
        case Code::kResourceExhausted:
            return "resource exhausted";
        case Code::kInternal:
            return "internal";
    }
    return "unknown";
}

bool is_retryable(Code code) {
    return code == Code::kUnavailable || code == Code::kDeadlineExceeded || code == Code::kResourceExhausted;
}

Error&& Error::with_context(std::string_view context) && {
    message.insert(0, ": ").insert(0, context);
    return std::move(*this);
}

Error&& Error::with_reason(std::string_view word) && {
    reason = word;
    return std::move(*this);
}

}  // namespace amp
