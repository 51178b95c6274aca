// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace amp {

/// Whether the whole text matches: `*` is any run of bytes, `?` any one byte, all else itself (case counts).
/// There is no escape. Time is bounded by the product of the lengths.
bool glob_matches(std::string_view pattern, std::string_view text);

/// False: the pattern matches only the text that equals it.
bool is_glob(std::string_view pattern);

}  // namespace amp
