// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "runtime/signals.hpp"

namespace amp::app {

/// One function per command, one file each. They return the exit code; everything they opened is closed
/// again.
int run_dump(const CommandLine& line, runtime::SignalStop& signals);
int run_worker(const CommandLine& line, runtime::SignalStop& signals);
int run_controller(const CommandLine& line, runtime::SignalStop& signals);
int run_dev(const CommandLine& line, runtime::SignalStop& signals);
int run_server(const CommandLine& line, runtime::SignalStop& signals);
int run_migrate(const CommandLine& line);
int run_config(const CommandLine& line);

/// Parses the arguments and runs the command; the whole of main().
int run(int argc, const char* const* argv);

}  // namespace amp::app
