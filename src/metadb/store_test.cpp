// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "metadb/connection.hpp"
#include "metadb/store_fixture.hpp"
#include "metadb/target.hpp"
#include "testing/scratch_postgres.hpp"

#include <gmock/gmock.h>

#include <atomic>

namespace amp::metadb {
namespace {

std::unique_ptr<amp::testing::ScratchPostgres>& server() {
    static std::unique_ptr<amp::testing::ScratchPostgres> instance;
    return instance;
}

}  // namespace

const std::string& postgres_url() {
    static const std::string url = [] {
        auto started = amp::testing::ScratchPostgres::start();
        if (!started.ok() && started.error().code == Code::kNotFound) return std::string();
        if (!started.ok()) {
            ADD_FAILURE() << started.error().message;
            return std::string();
        }
        server() = std::move(started).value();
        return server()->url();
    }();
    return url;
}

void stop_postgres() { server().reset(); }

void restart_postgres() { expect_ok(server()->crash_and_restart()); }

std::string run_sql(const StoreOptions& options, const std::string& sql) {
    const auto target = value_of(parse_target(options));
    const auto connection = value_of(Connection::open(target, Access::kWrite, true));
    if (!connection) return "";
    try {
        if (!sql.starts_with("SELECT")) {
            connection->execute(sql, {});
            return "";
        }
        const auto rows = connection->rows(sql, 1, {});
        return rows.empty() ? "" : rows.front().text(0);
    } catch (const std::exception& e) {
        ADD_FAILURE() << e.what();
        return "";
    }
}

void StoreFixture::SetUp() {
    static std::atomic<int> count{0};
    const auto number = ++count;
    options_.app_version = "test";
    options_.connect_retry = std::chrono::seconds(5);
    if (postgres()) {
        if (postgres_url().empty()) GTEST_SKIP() << "no PostgreSQL server is installed";
        options_.url = postgres_url();
        options_.schema = fmt::format("test_{}", number);
        return;
    }
    auto pattern = (std::filesystem::temp_directory_path() / "amp_metadb_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    options_.url = fmt::format("sqlite:{}/a  folder/metadata.db", pattern);
}

void StoreFixture::TearDown() {
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

std::unique_ptr<catalog::MetaStore> StoreFixture::open() const { return value_of(open_store(options_)); }

namespace {

TEST(Target, KeepsThePasswordOutOfItsLabel) {
    StoreOptions options{.url = "postgresql://amp:se%20cret@db.example:5433/meta?sslmode=require"};
    const auto target = value_of(parse_target(options));
    EXPECT_TRUE(target.postgres);
    EXPECT_THAT(target.label, ::testing::HasSubstr("db.example"));
    EXPECT_THAT(target.label, ::testing::Not(::testing::HasSubstr("se cret")));
    EXPECT_EQ(target.scrub("password se cret, twice se cret"), "password ***, twice ***");
    EXPECT_THAT(target.connect, ::testing::HasSubstr("password='se cret'"));
}

TEST(Target, RefusesWhatItCannotUseWithoutPrintingIt) {
    for (const auto* url : {"mysql://root:secret@db/x", "postgresql://amp:secret@[::1/x?bad=secret",
                            "sqlite:", "sqlite::memory:", ""}) {
        const auto error = error_of(parse_target({.url = url}));
        EXPECT_EQ(error.code, Code::kInvalidArgument) << url;
        EXPECT_THAT(error.message, ::testing::Not(::testing::HasSubstr("secret")));
    }
    EXPECT_EQ(error_of(parse_target({.url = "postgresql://db/x", .schema = "Amp;"})).code,
              Code::kInvalidArgument);
}

TEST(OpenStore, SaysWhatIsWrongWithoutSecrets) {
    const StoreOptions options{.url = "postgresql://amp:verysecret@127.0.0.1:1/x",
                               .connect_retry = std::chrono::milliseconds(0)};
    const auto error = error_of(open_store(options));
    EXPECT_EQ(error.code, Code::kUnavailable);
    EXPECT_THAT(error.message, ::testing::HasSubstr("127.0.0.1"));
    EXPECT_THAT(error.message, ::testing::Not(::testing::HasSubstr("verysecret")));
}

/// Ends the server after all tests, before static objects go.
class StopPostgres : public ::testing::Environment {
  public:
    void TearDown() override { stop_postgres(); }
};

}  // namespace
}  // namespace amp::metadb

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    ::testing::AddGlobalTestEnvironment(new amp::metadb::StopPostgres);
    return RUN_ALL_TESTS();
}
