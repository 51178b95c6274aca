// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "query/engine.hpp"
#include "query/live_catalog.hpp"

#include <map>
#include <span>
#include <string>
#include <vector>

namespace amp::query {

/// The common canonical range per network of the tables that have data: greatest start to smallest end. A
/// network whose tables have no common block is absent. Used to cut rows.
std::map<std::string, BlockRange> common_ranges(std::span<const TableSnapshot* const> tables);

/// What clients see of it (wire reference 2.6), sorted by network; empty if a table has no data.
std::vector<NetworkRange> client_ranges(std::span<const TableSnapshot* const> tables);

}  // namespace amp::query
