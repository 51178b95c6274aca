// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace amp::runtime {

/// "12,345,678"
std::string with_thousands(std::uint64_t value);

/// "1h43m", "2m05s", "7s"; "--" for a negative (unknown) number of seconds.
std::string duration_text(double seconds);

/// "[=====>    ]" of at most 24 cells for a fraction between 0 and 1, fitted with a blank at each side to
/// `room` columns; empty if there is no room for four cells.
std::string progress_bar(double fraction, std::size_t room);

}  // namespace amp::runtime
