// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace amp {

/// Up to `limit` candidates closest to `word` by edit distance (case ignored), best first; only those that a
/// typing error could explain (distance at most a third of the length, at least 2).
std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates,
                                 std::size_t limit = 3);

/// `; did you mean "a" or "b"?`, empty if nothing is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace amp
