// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/commands.hpp"
#include "app/context.hpp"

#include <fmt/format.h>

namespace amp::app {

int run_config(const CommandLine& line) {
    if (line.config.sample) {
        fmt::print("{}", config::sample());
        return kExitOk;
    }
    const auto loaded = load_configuration(line.common);
    if (!loaded.ok()) return exit_with(loaded.error());
    if (line.config.print) fmt::print("{}", config::print(*loaded));
    return kExitOk;
}

}  // namespace amp::app
