// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace amp::serve {

/// The q-value that an Accept or Accept-Encoding header gives to `name` (lower case, "type/subtype" or a
/// coding): by its own entry, else by "type/*", else by "*/*" or "*"; 0 if it is not mentioned.
double accept_quality(std::string_view header, std::string_view name);

/// The first of `offered` with the highest quality above 0; nothing if none is acceptable. An absent or blank
/// header accepts the first.
std::optional<std::string_view> choose_accepted(const std::optional<std::string>& header,
                                                const std::vector<std::string_view>& offered);

}  // namespace amp::serve
