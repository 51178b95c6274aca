// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace amp::ctl {

/// A script that completes commands and options, made of the command tree. `shell`: bash or zsh.
std::string completion_script(const CLI::App& app, const std::string& shell);

}  // namespace amp::ctl
