// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "catalog/types.hpp"

#include "catalog/meta_store.hpp"

namespace amp::catalog {

std::string to_string(const DatasetRef& ref) {
    std::string text = ref.ns + "/" + ref.name;
    if (!ref.tag.empty()) text += "@" + ref.tag;
    return text;
}

std::string_view to_string(JobStatus status) {
    switch (status) {
        case JobStatus::kScheduled:
            return "SCHEDULED";
        case JobStatus::kRunning:
            return "RUNNING";
        case JobStatus::kStopRequested:
            return "STOP_REQUESTED";
        case JobStatus::kStopping:
            return "STOPPING";
        case JobStatus::kStopped:
            return "STOPPED";
        case JobStatus::kCompleted:
            return "COMPLETED";
        case JobStatus::kFailed:
            return "FAILED";
    }
    return "UNKNOWN";
}

bool is_terminal(JobStatus status) {
    return status == JobStatus::kStopped || status == JobStatus::kCompleted || status == JobStatus::kFailed;
}

std::string_view to_string(ShardStatus status) {
    switch (status) {
        case ShardStatus::kPending:
            return "PENDING";
        case ShardStatus::kRunning:
            return "RUNNING";
        case ShardStatus::kDone:
            return "DONE";
        case ShardStatus::kFailed:
            return "FAILED";
        case ShardStatus::kCancelled:
            return "CANCELLED";
    }
    return "UNKNOWN";
}

}  // namespace amp::catalog
