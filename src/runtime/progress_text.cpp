// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/progress_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace amp::runtime {

std::string with_thousands(std::uint64_t value) {
    std::string digits = fmt::format("{}", value);
    for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
        digits.insert(static_cast<std::size_t>(at), ",");
    return digits;
}

std::string duration_text(double seconds) {
    if (seconds < 0) return "--";
    const auto whole = static_cast<std::uint64_t>(seconds + 0.5);
    if (whole >= 3600) return fmt::format("{}h{:02}m", whole / 3600, whole % 3600 / 60);
    if (whole >= 60) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
    return fmt::format("{}s", whole);
}

std::string progress_bar(double fraction, std::size_t room) {
    constexpr std::size_t kCellsMax = 24;
    constexpr std::size_t kAround = 4;  // brackets and blanks
    if (room <= kAround + 4) return {};
    const std::size_t cells = std::min(kCellsMax, room - kAround);
    const auto filled = static_cast<std::size_t>(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(cells));
    return "[" + std::string(filled, '=') + (filled < cells ? ">" : "") +
           std::string(filled < cells ? cells - filled - 1 : 0, ' ') + "]";
}

}  // namespace amp::runtime
