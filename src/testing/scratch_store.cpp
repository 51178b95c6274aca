// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "testing/scratch_store.hpp"

#include "base/log.hpp"
#include "base/time.hpp"
#include "metadb/open_store.hpp"

#include <cstdlib>

namespace amp::testing {

ScratchDirectory::ScratchDirectory()
    : path_(std::filesystem::temp_directory_path() / ("amp-scratch-" + random_hex(8))) {
    std::filesystem::create_directories(path_);
}

ScratchDirectory::~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::unique_ptr<catalog::MetaStore> open_scratch_store(const std::filesystem::path& file) {
    metadb::StoreOptions options;
    options.url = "sqlite:" + file.string();
    options.app_version = "test";
    auto store = metadb::open_store(options);
    if (!store.ok()) {
        log::error("testing", store.error().message);
        std::abort();
    }
    return std::move(*store);
}

}  // namespace amp::testing
