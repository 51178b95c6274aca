// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "ctl/ampctl.hpp"

int main(int argc, char** argv) { return amp::ctl::run(argc, argv); }
