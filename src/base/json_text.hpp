// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace amp {

/// Appends text as a JSON string with quotes: escapes only `"`, `\` and control characters; bad UTF-8 becomes
/// U+FFFD.
void append_json_quoted(std::string& out, std::string_view text);
std::string json_quote(std::string_view text);

}  // namespace amp
