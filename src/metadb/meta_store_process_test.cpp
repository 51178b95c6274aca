// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
//
// What happens to the store when processes die, connections break and rights are missing.
#include "base/time.hpp"
#include "metadb/store_fixture.hpp"

#include <gmock/gmock.h>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <fstream>
#include <thread>

namespace amp::metadb {
namespace {

using namespace std::chrono_literals;
using catalog::GroupCommit;

class StoreProcesses : public StoreFixture {};

/// Registers a worker, a job and a revision, and commits groups of two tables without end. Returns on a
/// failure.
class Committer {
  public:
    Committer(catalog::MetaStore& store, const std::string& session) : store_(store) {
        const auto dataset = value_of(store.register_manifest({.name = "eth",
                                                               .hash = std::string(64, 'a'),
                                                               .kind = "evm-rpc",
                                                               .network = "m",
                                                               .manifest = "{}"}));
        value_of(store.register_worker({.node_id = session, .session_id = session, .kind = "worker"}, 1h));
        auto job = store.create_job({.dataset_id = dataset.id,
                                     .hash = dataset.hash,
                                     .kind = "raw",
                                     .origin = "api",
                                     .descriptor = "{}"});
        if (!job.ok()) job = *value_of(store.active_job(dataset.id, dataset.hash));
        const std::array ranges{catalog::NewShard{0, 1'000'000}};
        fence_ = *value_of(
            store.assign_shard(value_of(store.create_shards(job->id, ranges, {})).at(0).id, session));
        const std::array wanted{catalog::WantedRevision{"blocks", "eth/blocks"},
                                catalog::WantedRevision{"logs", "eth/logs"}};
        revisions_ = value_of(store.ensure_revisions(dataset.id, dataset.hash, "m", wanted));
    }

    Result<> commit_next() {
        GroupCommit commit{.fence = fence_, .next_block = block_ + 1};
        for (const auto& revision : revisions_) {
            catalog::NewFile file{.revision_id = revision.id, .name = random_hex(8), .network = "m"};
            file.range = {block_, block_};
            commit.files.push_back(file);
        }
        TRY(store_.commit_group(commit));
        ++block_;
        return {};
    }

    const std::vector<catalog::Revision>& revisions() const { return revisions_; }
    BlockNum committed() const { return block_; }

  private:
    catalog::MetaStore& store_;
    catalog::Fence fence_;
    std::vector<catalog::Revision> revisions_;
    BlockNum block_ = 0;
};

/// Both tables hold the same blocks, numbered without gaps, and the shards' progress agrees.
void expect_consistent(catalog::MetaStore& store, BlockNum at_least) {
    const auto revisions = value_of(store.active_revisions());
    ASSERT_EQ(revisions.size(), 2U);
    const auto blocks = value_of(store.files(revisions[0].id, 0));
    const auto logs = value_of(store.files(revisions[1].id, 0));
    EXPECT_GE(blocks.size(), at_least);
    ASSERT_EQ(blocks.size(), logs.size());
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        EXPECT_EQ(blocks[i].commit_seq, static_cast<std::int64_t>(i + 1));
        EXPECT_EQ(blocks[i].range, logs[i].range);
    }
    const auto dataset = value_of(store.find_dataset({.name = "eth"}));
    const auto job = value_of(store.active_job(dataset->id, dataset->hash));
    BlockNum progress = 0;
    for (const auto& shard : value_of(store.shards(job->id))) progress += shard.next_block;
    EXPECT_EQ(progress, blocks.size());
}

/// Runs in a process of its own: commits until it is killed, a byte into the pipe after each.
[[noreturn]] void commit_until_killed(const StoreOptions& options, const std::string& session, int pipe) {
    auto store = open_store(options);
    if (!store.ok()) _exit(1);
    Committer committer(**store, session);
    while (committer.commit_next().ok() && write(pipe, "x", 1) == 1) {
    }
    _exit(2);
}

TEST_P(StoreProcesses, SurvivesAKillDuringCommits) {
    value_of(migrate(options_));
    BlockNum reported = 0;
    for (int round = 0; round < 3; ++round) {
        std::array<int, 2> ends{};
        ASSERT_EQ(pipe(ends.data()), 0);
        const pid_t child = fork();
        if (child == 0) commit_until_killed(options_, fmt::format("w{}", round), ends[1]);
        close(ends[1]);
        std::array<char, 1> byte{};
        for (int i = 0; i < 20 && read(ends[0], byte.data(), 1) == 1; ++i) ++reported;
        kill(child, SIGKILL);
        while (read(ends[0], byte.data(), 1) == 1) ++reported;
        close(ends[0]);
        int status = 0;
        waitpid(child, &status, 0);
        EXPECT_TRUE(WIFSIGNALED(status)) << "the process ended by itself with " << WEXITSTATUS(status);
        const auto store = open();
        // The server may still be finishing the last commit of the dead process.
        const std::array dead{fmt::format("w{}", round)};
        expect_ok(store->expire_workers(dead));
        expect_consistent(*store, reported);
    }
    if (postgres()) return;
    EXPECT_EQ(run_sql(options_, "SELECT integrity_check FROM pragma_integrity_check"), "ok");
}

TEST_P(StoreProcesses, CommitExactlyOnceWhenConnectionsBreak) {
    if (!postgres()) GTEST_SKIP() << "only a server can cut a connection";
    const auto store = open();
    Committer committer(*store, "w");
    constexpr BlockNum kCommits = 120;
    std::atomic<BlockNum> done{0};
    {
        std::jthread cutter([&] {
            // A cut at one moment in each 20 commits, wherever that one is.
            for (BlockNum next = 20; next < kCommits; next += 20) {
                for (auto now = done.load(); now < next; now = done.load()) done.wait(now);
                run_sql(options_,
                        "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity"
                        " WHERE application_name = 'ampd' AND pid <> pg_backend_pid()");
            }
        });
        while (done < kCommits) {
            const auto outcome = committer.commit_next();
            EXPECT_TRUE(outcome.ok()) << outcome.error().message;
            ++done;
            done.notify_all();
        }
    }
    EXPECT_EQ(committer.committed(), kCommits);
    expect_consistent(*store, kCommits);
}

TEST_P(StoreProcesses, ReturnAfterTheDatabaseDoes) {
    if (!postgres()) GTEST_SKIP() << "only a server can go away";
    const auto store = open();
    Committer committer(*store, "w");
    while (value_of(store->wait_for_change(300ms, {}))) {
    }
    restart_postgres();
    expect_ok(committer.commit_next());
    EXPECT_TRUE(value_of(store->wait_for_change(10s, {})));
    while (value_of(store->wait_for_change(500ms, {}))) {
    }
    const auto other = open();
    Committer second(*other, "v");
    EXPECT_TRUE(value_of(store->wait_for_change(20s, {}))) << "listening again";
}

TEST_P(StoreProcesses, ReadWithoutTheRightToWrite) {
    if (!postgres()) GTEST_SKIP() << "rights are the file system's";
    const auto store = open();
    Committer committer(*store, "w");
    expect_ok(committer.commit_next());
    run_sql(options_, "CREATE ROLE " + options_.schema + "_reader LOGIN");
    run_sql(options_, "GRANT USAGE ON SCHEMA " + options_.schema + " TO " + options_.schema + "_reader");
    run_sql(options_,
            "GRANT SELECT ON ALL TABLES IN SCHEMA " + options_.schema + " TO " + options_.schema + "_reader");
    auto reading = options_;
    reading.url.replace(reading.url.find("amp@"), 3, options_.schema + "_reader");
    const auto reader = value_of(open_store(reading));
    ASSERT_NE(reader, nullptr);
    expect_ok(reader->ping());
    EXPECT_EQ(value_of(reader->cluster_id()), value_of(store->cluster_id()));
    EXPECT_TRUE(reader->now_us().ok());
    EXPECT_EQ(value_of(reader->list_datasets()).size(), 1U);
    EXPECT_TRUE(value_of(reader->find_dataset({.name = "eth"})));
    EXPECT_EQ(value_of(reader->active_revisions()).size(), 2U);
    EXPECT_EQ(value_of(reader->live_files(committer.revisions()[0].id)).size(), 1U);
    while (value_of(reader->wait_for_change(300ms, {}))) {
    }
    expect_ok(committer.commit_next());
    EXPECT_TRUE(value_of(reader->wait_for_change(10s, {})));
    EXPECT_EQ(error_of(reader->retire_worker("w")).code, Code::kPermissionDenied);
}

TEST_P(StoreProcesses, WriteFromTwoProcessesAtOnce) {
    value_of(migrate(options_));
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    std::array<pid_t, 2> children{};
    for (std::size_t i = 0; i < children.size(); ++i) {
        children[i] = fork();
        if (children[i] == 0) commit_until_killed(options_, fmt::format("w{}", i), ends[1]);
    }
    close(ends[1]);
    BlockNum reported = 0;
    std::array<char, 1> byte{};
    for (int i = 0; i < 60 && read(ends[0], byte.data(), 1) == 1; ++i) ++reported;
    for (const auto child : children) kill(child, SIGKILL);
    while (read(ends[0], byte.data(), 1) == 1) ++reported;
    close(ends[0]);
    for (const auto child : children) {
        int status = 0;
        waitpid(child, &status, 0);
        EXPECT_TRUE(WIFSIGNALED(status)) << "the process ended by itself with " << WEXITSTATUS(status);
    }
    const auto store = open();
    const std::array dead{std::string("w0"), std::string("w1")};
    expect_ok(store->expire_workers(dead));
    const auto revisions = value_of(store->active_revisions());
    ASSERT_EQ(revisions.size(), 2U);
    for (const auto& revision : revisions) {
        const auto files = value_of(store->files(revision.id, 0));
        EXPECT_GE(files.size(), reported);
        for (std::size_t i = 0; i < files.size(); ++i) {
            EXPECT_EQ(files[i].commit_seq, static_cast<std::int64_t>(i + 1));
        }
    }
}

TEST_P(StoreProcesses, SayThatTheFileIsNoDatabase) {
    if (postgres()) GTEST_SKIP() << "SQLite only";
    const auto path = std::filesystem::path(options_.url.substr(7));
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << std::string(4'096, 'x');
    const auto error = error_of(open_store(options_));
    EXPECT_EQ(error.code, Code::kCorruption) << error.message;
    EXPECT_THAT(error.message, ::testing::HasSubstr("metadata.db"));
}

INSTANTIATE_TEST_SUITE_P(Engines, StoreProcesses, ::testing::Values(Engine::kSqlite, Engine::kPostgres),
                         engine_name);

}  // namespace
}  // namespace amp::metadb
