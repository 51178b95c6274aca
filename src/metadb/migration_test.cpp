// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "metadb/migrations.hpp"
#include "metadb/store_fixture.hpp"

#include <gmock/gmock.h>

#include <array>
#include <fstream>
#include <iterator>
#include <thread>

namespace amp::metadb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Migrations : public StoreFixture {};

TEST(MigrationScript, IsOneTextForBothEngines) {
    ASSERT_FALSE(migrations().empty());
    int version = 0;
    for (const auto& migration : migrations()) EXPECT_EQ(migration.version, ++version);
    const auto& base = migrations().front();
    // Applied scripts never change: a new checksum here means that existing stores would be refused.
    EXPECT_EQ(checksum_of(base), "26321dec0aabef66d4542f4e402a5509a3e0c234aff015d6288af940fe4c1b51");
    const auto lite = statements_of(base, false);
    const auto postgres = statements_of(base, true);
    EXPECT_EQ(postgres.size(), lite.size() + 1);
    EXPECT_THAT(postgres.front(), ::testing::StartsWith("CREATE FUNCTION now_us()"));
    EXPECT_THAT(lite.front(), ::testing::StartsWith("CREATE TABLE settings"));
    for (const auto& statement : lite) EXPECT_THAT(statement, ::testing::Not(HasSubstr("{id}")));
}

TEST_P(Migrations, ReportsAndAppliesWhatIsPending) {
    auto status = value_of(migration_status(options_));
    EXPECT_EQ(status.applied, 0);
    EXPECT_EQ(status.newest, 1);
    EXPECT_THAT(status.pending, ElementsAre(1));
    EXPECT_THAT(value_of(migrate(options_)), ElementsAre(1));
    EXPECT_THAT(value_of(migrate(options_)), IsEmpty());
    status = value_of(migration_status(options_));
    EXPECT_EQ(status.applied, 1);
    EXPECT_THAT(status.pending, IsEmpty());
    EXPECT_EQ(run_sql(options_, "SELECT app_version FROM schema_version"), "test");
    ASSERT_NE(open(), nullptr);
}

TEST_P(Migrations, AreLeftToTheCommandIfAutoMigrateIsOff) {
    options_.auto_migrate = false;
    const auto error = error_of(open_store(options_));
    EXPECT_EQ(error.code, Code::kNotFound);
    if (postgres()) {
        EXPECT_EQ(error.reason, "SCHEMA_OLDER");
        EXPECT_THAT(error.message, HasSubstr("ampd migrate"));
    } else {
        EXPECT_FALSE(std::filesystem::exists(options_.url.substr(7))) << "no file is made";
    }
    value_of(migrate(options_));
    ASSERT_NE(open(), nullptr);
}

TEST_P(Migrations, RefuseANewerSchemaAndWriteNothing) {
    value_of(migrate(options_));
    run_sql(options_,
            "INSERT INTO schema_version (version, name, checksum, applied_at, app_version)"
            " VALUES (99, 'future', 'x', 1, '9.9.9')");
    for (const auto& error : {error_of(open_store(options_)), error_of(migrate(options_)),
                              error_of(migration_status(options_))}) {
        EXPECT_EQ(error.code, Code::kUnsupported);
        EXPECT_EQ(error.reason, "SCHEMA_NEWER");
        EXPECT_EQ(error.message, "metadata schema version 99 is newer than this program's 1: upgrade ampd");
    }
    EXPECT_EQ(run_sql(options_, "SELECT COUNT(*) FROM schema_version"), "2");
}

TEST_P(Migrations, RefuseANewerSchemaWithoutOtherTables) {
    if (postgres()) run_sql(options_, "CREATE SCHEMA " + options_.schema);
    if (!postgres())
        std::filesystem::create_directories(std::filesystem::path(options_.url.substr(7)).parent_path());
    run_sql(options_, "CREATE TABLE schema_version (version BIGINT PRIMARY KEY, checksum TEXT NOT NULL)");
    run_sql(options_, "INSERT INTO schema_version VALUES (99, 'x')");
    const auto bytes = [&] {
        std::ifstream in(options_.url.substr(7), std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(in), {});
    };
    const auto before = postgres() ? std::string() : bytes();
    EXPECT_EQ(error_of(open_store(options_)).reason, "SCHEMA_NEWER");
    EXPECT_EQ(error_of(migrate(options_)).reason, "SCHEMA_NEWER");
    if (postgres()) {
        EXPECT_EQ(
            run_sql(options_, "SELECT COUNT(*) FROM pg_tables WHERE schemaname = '" + options_.schema + "'"),
            "1");
    } else {
        EXPECT_EQ(bytes(), before);
    }
}

TEST_P(Migrations, RefuseAnotherChecksum) {
    value_of(migrate(options_));
    run_sql(options_, "UPDATE schema_version SET checksum = 'deadbeef'");
    const auto error = error_of(open_store(options_));
    EXPECT_EQ(error.code, Code::kUnsupported);
    EXPECT_EQ(error.reason, "SCHEMA_NEWER");
    EXPECT_THAT(error.message, HasSubstr("deadbee"));
}

TEST_P(Migrations, ApplyOnceForManyStartsAtOnce) {
    std::array<std::size_t, 4> applied{};
    std::array<std::string, 4> ids;
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < applied.size(); ++i) {
            threads.emplace_back([&, i] {
                applied[i] = value_of(migrate(options_)).size();
                if (const auto store = open()) ids[i] = value_of(store->cluster_id());
            });
        }
    }
    EXPECT_EQ(applied[0] + applied[1] + applied[2] + applied[3], 1U);
    EXPECT_THAT(ids, ::testing::Each(ids[0]));
}

TEST_P(Migrations, OpenAnEmptyStoreFromManyProcessesAtOnce) {
    std::array<std::string, 4> ids;
    {
        std::vector<std::jthread> threads;
        for (auto& id : ids) {
            threads.emplace_back([&] {
                if (const auto store = open()) id = value_of(store->cluster_id());
            });
        }
    }
    EXPECT_THAT(ids, ::testing::Each(ids[0]));
    EXPECT_EQ(ids[0].size(), 36U);
}

INSTANTIATE_TEST_SUITE_P(Engines, Migrations, ::testing::Values(Engine::kSqlite, Engine::kPostgres),
                         engine_name);

}  // namespace
}  // namespace amp::metadb
