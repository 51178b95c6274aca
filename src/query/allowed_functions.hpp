// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace amp::query {

/// The engine's functions that client SQL may call: scalar functions, aggregates and macros, sorted by bytes.
std::span<const std::string_view> allowed_functions();
/// Those it may not call. What is in neither list is unknown and refused too.
std::span<const std::string_view> refused_functions();

bool is_allowed_function(std::string_view lower_case_name);
bool is_refused_function(std::string_view lower_case_name);

}  // namespace amp::query
