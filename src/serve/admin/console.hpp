// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace amp::serve {

/// The web console: one page without parts from elsewhere (console/index.html, built in).
std::string_view console_page();

}  // namespace amp::serve
