// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "extract/block_source.hpp"

#include <memory>
#include <stop_token>
#include <string>

namespace amp::jobs {

/// Where shards and plans get their blocks from. Threads: any.
class Sources {
  public:
    virtual ~Sources() = default;
    /// A source of the kind and network whose chain was checked. kUnavailable, reason NO_PROVIDER, if none is
    /// configured; kCorruption, reason WRONG_CHAIN.
    virtual Result<std::shared_ptr<extract::BlockSource>> open(const std::string& kind,
                                                               const std::string& network,
                                                               std::stop_token stop) = 0;
};

}  // namespace amp::jobs
