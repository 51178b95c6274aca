// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "metadb/open_store.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

namespace amp::metadb {

/// The two engines that every test of the store runs on.
enum class Engine { kSqlite, kPostgres };

/// URL of the test program's PostgreSQL server, started at the first call; empty if none is installed.
const std::string& postgres_url();
/// Ends it. Called at the end of the program.
void stop_postgres();
/// Cuts all its connections and starts it again.
void restart_postgres();

/// Runs SQL on the test's store, past the store's own code. `answer` of the first column of the first row.
std::string run_sql(const StoreOptions& options, const std::string& sql);

/// An empty place for a store, different for each test: a temporary file or a fresh schema.
class StoreFixture : public ::testing::TestWithParam<Engine> {
  protected:
    void SetUp() override;
    void TearDown() override;

    bool postgres() const { return GetParam() == Engine::kPostgres; }
    /// Opens another store on the same place, as another process would.
    std::unique_ptr<catalog::MetaStore> open() const;

    StoreOptions options_;

  private:
    std::filesystem::path folder_;
};

/// The error of a result that must have failed.
template <typename T>
Error error_of(const Result<T>& result) {
    EXPECT_FALSE(result.ok());
    return result.ok() ? Error{} : result.error();
}

/// The value of a result that must have succeeded.
template <typename T>
T value_of(Result<T> result) {
    EXPECT_TRUE(result.ok()) << result.error().message;
    return result.ok() ? std::move(result).value() : T{};
}
inline void expect_ok(const Result<>& result) { EXPECT_TRUE(result.ok()) << result.error().message; }

inline std::string engine_name(const ::testing::TestParamInfo<Engine>& info) {
    return info.param == Engine::kPostgres ? "Postgres" : "Sqlite";
}

}  // namespace amp::metadb
