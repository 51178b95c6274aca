// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <string_view>

namespace arrow {
class Status;
}

namespace amp::columnar {

/// Turns a failed Status into an Error. The code follows errno where the status carries one: full disk and
/// other I/O failures are kUnavailable, missing rights kPermissionDenied. `context` goes in front unless it
/// is empty.
Error to_error(const arrow::Status& status, std::string_view context = {});

}  // namespace amp::columnar
