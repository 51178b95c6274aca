// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "storage/object_store.hpp"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

namespace amp::storage {

/// One implementation under test. Each call of `make` gives a store over a fresh, empty place that is removed
/// later.
struct StoreUnderTest {
    std::string name;
    std::function<std::unique_ptr<ObjectStore>()> make;

    friend std::ostream& operator<<(std::ostream& out, const StoreUnderTest& store) {
        return out << store.name;
    }
};

/// What every ObjectStore does. An implementation joins with
/// INSTANTIATE_TEST_SUITE_P(Name, ObjectStoreContract, ::testing::Values(StoreUnderTest{..})).
class ObjectStoreContract : public ::testing::TestWithParam<StoreUnderTest> {
  protected:
    void SetUp() override { store_ = GetParam().make(); }

    Result<ObjectInfo> put(const std::string& path, const std::string& content) {
        TRY_ASSIGN(auto staged, store_->create(path));
        EXPECT_TRUE(staged->stream()->Write(content.data(), static_cast<std::int64_t>(content.size())).ok());
        EXPECT_TRUE(staged->stream()->Close().ok());
        return staged->publish();
    }

    std::string get(const std::string& path) {
        auto file = store_->open(path);
        if (!file.ok()) return "error: " + file.error().message;
        const auto size = (*file)->GetSize().ValueOrDie();
        return (*file)->ReadAt(0, size).ValueOrDie()->ToString();
    }

    std::vector<std::string> paths(const std::string& prefix) {
        std::vector<std::string> out;
        auto listed = store_->list(prefix);
        EXPECT_TRUE(listed.ok());
        for (const ObjectInfo& info : *listed) out.push_back(info.path);
        return out;
    }

    std::unique_ptr<ObjectStore> store_;
};

}  // namespace amp::storage
