// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catalog/segments.hpp"
#include "jobs/registration.hpp"
#include "storage/object_store.hpp"
#include "testing/fake_source.hpp"
#include "testing/scratch_store.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace amp::jobs {

/// For tests: a registered dataset of kind evm-rpc with the table `blocks` only, an empty SQLite store and an
/// empty data directory.
class FakeDatasetTest : public ::testing::Test {
  protected:
    FakeDatasetTest() : store_(amp::testing::open_scratch_store(dir_.path() / "metadata.db")) {
        auto objects = storage::open_store((dir_.path() / "data").string());
        EXPECT_TRUE(objects.ok());
        objects_ = std::move(*objects);
        auto manifest = catalog::parse_manifest(
            R"({"kind":"evm-rpc","network":"fake","tables":{"blocks":{}}})", raw_kinds());
        EXPECT_TRUE(manifest.ok());
        manifest_ = *manifest;
        auto dataset = store_->register_manifest({.name = "fake",
                                                  .hash = manifest_.hash,
                                                  .kind = manifest_.kind,
                                                  .network = manifest_.network,
                                                  .manifest = manifest_.canonical,
                                                  .version = std::nullopt});
        EXPECT_TRUE(dataset.ok());
        dataset_ = *dataset;
    }

    std::vector<catalog::File> live() {
        const auto revisions = store_->active_revisions();
        EXPECT_EQ(revisions->size(), 1U);
        return *store_->live_files(revisions->front().id);
    }

    // The canonical chain covers 0..end, every boundary is the source's hash, and no other LIVE file overlaps
    // it.
    void expect_chain(const amp::testing::FakeSource& source, BlockNum end) {
        std::vector<catalog::Segment> segments;
        for (const auto& file : live()) segments.push_back(catalog::to_segment(file));
        const auto chain = catalog::canonical_chain(segments, 0);
        ASSERT_FALSE(chain.empty());
        EXPECT_EQ(chain.size(), segments.size());
        BlockNum next = 0;
        for (const auto index : chain) {
            EXPECT_EQ(segments[index].range.start, next);
            EXPECT_EQ(segments[index].hash, source.hash_of(segments[index].range.end));
            next = segments[index].range.end + 1;
        }
        EXPECT_EQ(next, end + 1);
    }

    const amp::testing::ScratchDirectory dir_;
    std::unique_ptr<catalog::MetaStore> store_;
    std::unique_ptr<storage::ObjectStore> objects_;
    catalog::Manifest manifest_;
    catalog::Dataset dataset_;
};

}  // namespace amp::jobs
