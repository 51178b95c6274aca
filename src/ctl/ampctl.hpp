// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace amp::ctl {

/// The program `ampctl`: one command is one call of the Admin API and its answer as text. Exit codes: 0 done,
/// 1 the API refused or failed, 2 usage, 3 a job that was waited for ended FAILED or STOPPED, 130 and 143
/// stopped by a signal.
int run(int argc, char** argv);

}  // namespace amp::ctl
