// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/commands.hpp"

int main(int argc, char** argv) { return amp::app::run(argc, argv); }
