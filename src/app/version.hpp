// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace amp::app {

/// "ampd 0.1.0": what files and logs carry.
std::string program_version();
/// "0.1.0"
std::string version_number();
std::string build_commit();
std::string build_date();
/// "ampd 0.1.0 (commit abc1234, built 2026-11-23)"
std::string version_line();

}  // namespace amp::app
