// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catalog/meta_store.hpp"

#include <filesystem>
#include <memory>

namespace amp::testing {

/// A folder of its own below the system's temporary one, removed with everything in it at the end.
class ScratchDirectory {
  public:
    ScratchDirectory();
    ~ScratchDirectory();
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

/// An empty SQLite metadata store at that file. Ends the process if it cannot be made.
std::unique_ptr<catalog::MetaStore> open_scratch_store(const std::filesystem::path& file);

}  // namespace amp::testing
