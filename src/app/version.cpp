// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/version.hpp"

#include <fmt/format.h>

namespace amp::app {

std::string program_version() { return "ampd " AMP_VERSION; }

std::string version_number() { return AMP_VERSION; }

std::string version_line() {
    return fmt::format("ampd {} (commit {}, built {})", AMP_VERSION, AMP_COMMIT, AMP_BUILD_DATE);
}

std::string build_commit() { return AMP_COMMIT; }

std::string build_date() { return AMP_BUILD_DATE; }

}  // namespace amp::app
