// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "config/config.hpp"
#include "jobs/worker.hpp"

namespace amp::app {

/// What the flags and the configuration say about this worker; kInvalidArgument naming the flag.
Result<jobs::WorkerOptions> worker_options(const WorkerFlags& flags, const config::Config& config);

}  // namespace amp::app
