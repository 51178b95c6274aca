// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
//
// What every MetaStore must do, on each engine.
#include "metadb/store_fixture.hpp"

#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <thread>

namespace amp::metadb {
namespace {

using namespace std::chrono_literals;
using catalog::Fence;
using catalog::FileState;
using catalog::GroupCommit;
using catalog::Job;
using catalog::JobStatus;
using catalog::NewFile;
using catalog::ShardStatus;
using catalog::WorkerState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string hash_text(char digit) { return std::string(64, digit); }

class MetaStoreContract : public StoreFixture {
  protected:
    void SetUp() override {
        StoreFixture::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        store_ = open();
        ASSERT_NE(store_, nullptr);
    }

    catalog::Dataset register_dataset(const std::string& name, char hash,
                                      const std::optional<std::string>& version = std::nullopt) {
        return value_of(store_->register_manifest({.name = name,
                                                   .hash = hash_text(hash),
                                                   .kind = "evm-rpc",
                                                   .network = "mainnet",
                                                   .manifest = "{}",
                                                   .version = version}));
    }

    std::string tag_of(const std::string& name, const std::string& tag) {
        const auto found = value_of(store_->find_dataset({.name = name, .tag = tag}));
        return found ? found->tag + ":" + found->hash.substr(0, 1) : "none";
    }

    std::int64_t register_worker(const std::string& node, const std::string& session,
                                 std::chrono::milliseconds lease = 1h) {
        return value_of(
            store_->register_worker({.node_id = node, .session_id = session, .kind = "dump"}, lease));
    }

    Job create_job(const std::string& node, const std::string& origin = "dump") {
        const auto dataset = register_dataset("eth", 'a');
        return value_of(store_->create_job({.dataset_id = dataset.id,
                                            .hash = dataset.hash,
                                            .origin = origin,
                                            .descriptor = "{}",
                                            .start_block = 0,
                                            .end_block = 99,
                                            .node_id = node}));
    }

    /// A registered worker "n" / "s", a job and one running shard over 0..99, and a revision.
    struct Running {
        Job job;
        Fence fence;
        std::int64_t revision = 0;
    };
    Running start_shard(const std::string& origin = "dump", std::chrono::milliseconds lease = 1h) {
        register_worker("n", "s", lease);
        Running running;
        running.job = create_job("n", origin);
        const std::array ranges{catalog::NewShard{0, 99}};
        const auto shards = value_of(store_->create_shards(running.job.id, ranges, {}));
        running.fence = *value_of(store_->assign_shard(shards.at(0).id, "s"));
        running.revision = ensure(running.job.dataset_id, {"blocks"}).at(0).id;
        return running;
    }

    std::vector<catalog::Revision> ensure(std::int64_t dataset, const std::vector<std::string>& tables) {
        std::vector<catalog::WantedRevision> wanted;
        for (const auto& table : tables)
            wanted.push_back({table, fmt::format("_/eth/{}/{}", table, ++paths_)});
        return value_of(store_->ensure_revisions(dataset, hash_text('a'), "mainnet", wanted));
    }

    static NewFile file(std::int64_t revision, BlockNum start, BlockNum end) {
        NewFile file{
            .revision_id = revision, .name = fmt::format("{:09}.parquet", start), .network = "mainnet"};
        file.range = {start, end};
        file.prev_hash.bytes[0] = static_cast<std::uint8_t>(start);
        file.hash.bytes[31] = static_cast<std::uint8_t>(end + 1);
        file.end_timestamp = 1'700'000'000 + end;
        file.rows = 7;
        file.bytes = 1'000;
        file.footer = std::string("PAR1\0x", 6);
        return file;
    }

    static GroupCommit group(const Running& running, BlockNum start, BlockNum end) {
        return {.fence = running.fence,
                .next_block = end + 1,
                .rows = 7,
                .bytes = 1'000,
                .files = {file(running.revision, start, end)}};
    }

    std::string shard_status(const Running& running) {
        const auto shards = value_of(store_->shards(running.job.id));
        return std::string(catalog::to_string(shards.at(0).status));
    }

    std::unique_ptr<catalog::MetaStore> store_;
    int paths_ = 0;
};

// ---- basics ----

TEST_P(MetaStoreContract, ALeaseHasOneOwnerAndAGrowingEpoch) {
    EXPECT_EQ(value_of(store_->hold_lease("scheduler", "a", 1h)), 1);
    EXPECT_EQ(value_of(store_->hold_lease("scheduler", "a", 1h)), 1);
    EXPECT_EQ(value_of(store_->hold_lease("scheduler", "b", 1h)), std::nullopt);
    EXPECT_EQ(value_of(store_->hold_lease("collector", "b", 1h)), 1);
    // Nobody gives up what another one holds.
    ASSERT_TRUE(store_->release_lease("scheduler", "b").ok());
    EXPECT_EQ(value_of(store_->hold_lease("scheduler", "b", 1h)), std::nullopt);
    ASSERT_TRUE(store_->release_lease("scheduler", "a").ok());
    EXPECT_EQ(value_of(store_->hold_lease("scheduler", "b", -1ms)), 2);
    // Run out.
    EXPECT_EQ(value_of(store_->hold_lease("scheduler", "a", 1h)), 3);
}

TEST_P(MetaStoreContract, ASchedulerSeesWhatIsAlive) {
    const auto running = start_shard("api");
    const std::array more{catalog::NewShard{100, 199}, catalog::NewShard{200, 299}};
    const auto pending = value_of(store_->create_shards(running.job.id, more, {}));
    ASSERT_TRUE(store_->commit_group(group(running, 0, 49)).ok());
    register_worker("gone", "g", -1ms);
    ASSERT_TRUE(store_->expire_workers({}).ok());

    const auto view = value_of(store_->schedule_view());
    EXPECT_GT(view.now, 0);
    ASSERT_EQ(view.workers.size(), 1u);
    EXPECT_EQ(view.workers[0].session_id, "s");
    EXPECT_EQ(view.workers[0].work_seq, 1);
    EXPECT_GE(view.workers[0].slots, 1);
    EXPECT_LE(view.workers[0].registered_at, view.now);
    ASSERT_EQ(view.jobs.size(), 1u);
    EXPECT_EQ(view.jobs[0].id, running.job.id);
    ASSERT_EQ(view.shards.size(), 3u);
    EXPECT_EQ(view.shards[0].next_block, 50u);
    EXPECT_EQ(view.shards[0].rows, 7);
    EXPECT_EQ(view.shards[0].bytes, 1'000);
    EXPECT_EQ(view.shards[0].session_id, "s");
    EXPECT_EQ(view.shards[2].id, pending[1].id);

    ASSERT_TRUE(store_->commit_group(group(running, 50, 99)).ok());
    EXPECT_EQ(value_of(store_->schedule_view()).shards.size(), 2u);
    const std::array any{JobStatus::kScheduled, JobStatus::kRunning};
    ASSERT_TRUE(store_->transition_job(running.job.id, any, {.to = JobStatus::kFailed}).ok());
    EXPECT_THAT(value_of(store_->schedule_view()).jobs, IsEmpty());
    EXPECT_THAT(value_of(store_->schedule_view()).shards, IsEmpty());
}

TEST_P(MetaStoreContract, JobsAreListedNewestFirst) {
    register_worker("n", "s", 1h);
    const auto dataset = register_dataset("eth", 'a');
    std::vector<std::int64_t> ids;
    for (int i = 0; i < 3; ++i) {
        const auto job = value_of(store_->create_job({.dataset_id = dataset.id,
                                                      .hash = dataset.hash,
                                                      .origin = "api",
                                                      .descriptor = "{}",
                                                      .parallelism = 4,
                                                      .priority = 2,
                                                      .selector = R"({"region":"eu"})",
                                                      .worker_glob = "w*"}));
        EXPECT_EQ(job.parallelism, 4);
        EXPECT_EQ(job.priority, 2);
        EXPECT_EQ(job.selector, R"({"region":"eu"})");
        EXPECT_EQ(job.prefer, "{}");
        EXPECT_EQ(job.worker_glob, "w*");
        ids.push_back(job.id);
        if (i == 2) break;
        const std::array any{JobStatus::kScheduled};
        ASSERT_TRUE(store_->transition_job(job.id, any, {.to = JobStatus::kStopped}).ok());
        EXPECT_TRUE(value_of(store_->job(job.id)).finished_at.has_value());
    }
    const auto listed = [&](const catalog::JobQuery& query) {
        std::vector<std::int64_t> out;
        for (const auto& job : value_of(store_->list_jobs(query))) out.push_back(job.id);
        return out;
    };
    EXPECT_THAT(listed({}), ElementsAre(ids[2], ids[1], ids[0]));
    EXPECT_THAT(listed({.limit = 2}), ElementsAre(ids[2], ids[1]));
    EXPECT_THAT(listed({.before_id = ids[1]}), ElementsAre(ids[0]));
    EXPECT_THAT(listed({.statuses = {JobStatus::kStopped}}), ElementsAre(ids[1], ids[0]));
    EXPECT_THAT(listed({.dataset_id = dataset.id + 1}), IsEmpty());
}

TEST_P(MetaStoreContract, HasAClockAndAnIdentity) {
    expect_ok(store_->ping());
    const auto id = value_of(store_->cluster_id());
    EXPECT_THAT(id, SizeIs(36));
    EXPECT_EQ(value_of(open()->cluster_id()), id);
    const auto first = value_of(store_->now_us());
    EXPECT_GT(first, 1'600'000'000'000'000);
    EXPECT_LE(first, value_of(store_->now_us()));
}

// ---- datasets ----

TEST_P(MetaStoreContract, RegistersIdempotently) {
    const auto first = register_dataset("eth", 'a');
    const auto again = register_dataset("eth", 'a');
    EXPECT_EQ(first.id, again.id);
    EXPECT_EQ(first.tag, "dev");
    EXPECT_EQ(tag_of("eth", "dev"), "dev:a");
    EXPECT_EQ(tag_of("eth", ""), "dev:a");
    EXPECT_EQ(tag_of("eth", "latest"), "none");
    EXPECT_EQ(tag_of("other", ""), "none");
    EXPECT_THAT(value_of(store_->list_datasets()), SizeIs(1));
}

TEST_P(MetaStoreContract, FindsByEveryTag) {
    register_dataset("eth", 'a', "1.0.0");
    register_dataset("eth", 'b', "1.10.0");
    register_dataset("eth", 'c', "1.2.0");
    EXPECT_EQ(tag_of("eth", "1.0.0"), "1.0.0:a");
    EXPECT_EQ(tag_of("eth", "1.2.0"), "1.2.0:c");
    EXPECT_EQ(tag_of("eth", "latest"), "latest:b");
    EXPECT_EQ(tag_of("eth", ""), "latest:b");
    EXPECT_EQ(tag_of("eth", "dev"), "dev:c");
    EXPECT_EQ(tag_of("eth", "9.9.9"), "none");
    EXPECT_EQ(tag_of("eth", hash_text('a')), hash_text('a') + ":a");
    register_dataset("zz", 'd');
    EXPECT_EQ(tag_of("eth", hash_text('d')), "none") << "a hash of another dataset";

    const auto found = value_of(store_->find_dataset({.name = "eth", .tag = "1.0.0"}));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->ns, "_");
    EXPECT_EQ(found->kind, "evm-rpc");
    EXPECT_EQ(found->network, "mainnet");
    EXPECT_EQ(found->manifest, "{}");

    std::vector<std::string> listed;
    for (const auto& d : value_of(store_->list_datasets())) listed.push_back(d.name + "@" + d.tag);
    EXPECT_THAT(listed,
                ElementsAre("eth@1.0.0", "eth@1.10.0", "eth@1.2.0", "eth@dev", "eth@latest", "zz@dev"));
}

TEST_P(MetaStoreContract, KeepsVersionsImmutable) {
    register_dataset("eth", 'a', "1.0.0");
    register_dataset("eth", 'a', "1.0.0");
    const auto error = error_of(store_->register_manifest({.name = "eth",
                                                           .hash = hash_text('b'),
                                                           .kind = "evm-rpc",
                                                           .network = "mainnet",
                                                           .manifest = "{}",
                                                           .version = "1.0.0"}));
    EXPECT_EQ(error.code, Code::kAlreadyExists);
    EXPECT_EQ(error.reason, "VERSION_CONFLICT");
    EXPECT_EQ(tag_of("eth", "dev"), "dev:a") << "nothing was written";
    EXPECT_EQ(tag_of("eth", hash_text('b')), "none");
}

TEST_P(MetaStoreContract, KeepsTextAsItIs) {
    const std::string manifest = "{\"a\":\":name '' \\\\ $1 ? \u00e9\u4e16\"}";
    value_of(store_->register_manifest(
        {.name = "eth", .hash = hash_text('a'), .kind = "evm-rpc", .network = "m", .manifest = manifest}));
    EXPECT_EQ(value_of(store_->find_dataset({.name = "eth"}))->manifest, manifest);
}

TEST_P(MetaStoreContract, MakesRevisionsOnce) {
    const auto dataset = register_dataset("eth", 'a');
    const auto first = ensure(dataset.id, {"logs", "blocks"});
    const auto again = ensure(dataset.id, {"blocks", "logs", "calls"});
    ASSERT_THAT(first, SizeIs(2));
    ASSERT_THAT(again, SizeIs(3));
    EXPECT_EQ(first[0].table, "logs");
    EXPECT_EQ(first[0].id, again[1].id);
    EXPECT_EQ(first[1].id, again[0].id);
    EXPECT_EQ(again[0].path, first[1].path);
    EXPECT_EQ(again[2].table, "calls");
    EXPECT_EQ(again[2].dataset_id, dataset.id);
    EXPECT_EQ(again[2].hash, hash_text('a'));
    EXPECT_EQ(again[2].network, "mainnet");
    EXPECT_TRUE(again[2].active);
    EXPECT_EQ(again[2].change_seq, 0);
    EXPECT_THAT(value_of(store_->active_revisions()), SizeIs(3));
}

TEST_P(MetaStoreContract, MakesRevisionsOnceForTwoAtOnce) {
    const auto dataset = register_dataset("eth", 'a');
    std::array<std::vector<catalog::Revision>, 4> made;
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < made.size(); ++i) {
            threads.emplace_back([&, i] {
                const auto other = open();
                const std::array wanted{catalog::WantedRevision{"blocks", fmt::format("blocks/{}", i)},
                                        catalog::WantedRevision{"logs", fmt::format("logs/{}", i)}};
                made[i] = value_of(other->ensure_revisions(dataset.id, hash_text('a'), "mainnet", wanted));
            });
        }
    }
    for (const auto& revisions : made) {
        ASSERT_THAT(revisions, SizeIs(2));
        EXPECT_EQ(revisions[0].id, made[0][0].id);
        EXPECT_EQ(revisions[1].id, made[0][1].id);
    }
}

// ---- workers ----

TEST_P(MetaStoreContract, GivesANodeIdToOneLiveSession) {
    EXPECT_EQ(register_worker("n", "s1"), 1);
    const auto error =
        error_of(store_->register_worker({.node_id = "n", .session_id = "s2", .kind = "dump"}, 1h));
    EXPECT_EQ(error.code, Code::kConflict);
    EXPECT_THAT(error.message, HasSubstr("\"n\""));
    expect_ok(store_->retire_worker("s1"));
    EXPECT_EQ(register_worker("n", "s2"), 2);
    const auto workers = value_of(store_->list_workers());
    ASSERT_THAT(workers, SizeIs(1));
    EXPECT_EQ(workers[0].session_id, "s2");
    EXPECT_EQ(workers[0].session_epoch, 2);
    EXPECT_EQ(workers[0].state, WorkerState::kActive);
    EXPECT_GT(workers[0].lease_expires_at, workers[0].heartbeat_at);
}

TEST_P(MetaStoreContract, GivesANodeIdAwayWhenItsLeaseEnded) {
    register_worker("n", "s1", -1s);
    EXPECT_EQ(register_worker("n", "s2"), 2);
}

TEST_P(MetaStoreContract, FencesTheHeartbeatOfALostSession) {
    register_worker("n", "s");
    const auto answer = value_of(store_->heartbeat("s", 1h, R"({"rows":1})"));
    EXPECT_EQ(answer.state, WorkerState::kActive);
    EXPECT_EQ(answer.work_seq, 0);
    expect_ok(store_->retire_worker("s"));
    const auto error = error_of(store_->heartbeat("s", 1h, "{}"));
    EXPECT_EQ(error.code, Code::kConflict);
    EXPECT_EQ(error.reason, "FENCED");
    EXPECT_EQ(error_of(store_->heartbeat("s", 1h, std::string(20'000, 'x'))).code, Code::kInvalidArgument);
}

TEST_P(MetaStoreContract, ExpiresADumpJobWithItsOwner) {
    const auto running = start_shard("dump", -1s);
    EXPECT_EQ(shard_status(running), "RUNNING");
    expect_ok(store_->expire_workers({}));
    EXPECT_EQ(value_of(store_->list_workers()).at(0).state, WorkerState::kGone);
    const auto job = value_of(store_->job(running.job.id));
    EXPECT_EQ(job.status, JobStatus::kStopped);
    EXPECT_EQ(job.reason, "OWNER_LOST");
    EXPECT_EQ(shard_status(running), "CANCELLED");
    const auto error = error_of(store_->commit_group(group(running, 0, 9)));
    EXPECT_EQ(error.reason, "FENCED");
}

TEST_P(MetaStoreContract, GivesShardsOfOtherJobsBack) {
    const auto running = start_shard("api");
    const std::array dead{std::string("s")};
    expect_ok(store_->expire_workers({}));
    EXPECT_EQ(shard_status(running), "RUNNING") << "the lease still holds";
    expect_ok(store_->expire_workers(dead));
    const auto shard = value_of(store_->shards(running.job.id)).at(0);
    EXPECT_EQ(shard.status, ShardStatus::kPending);
    EXPECT_EQ(shard.epoch, running.fence.epoch + 1);
    EXPECT_EQ(shard.crashes, 1);
    EXPECT_EQ(shard.session_id, "");
    EXPECT_EQ(value_of(store_->job(running.job.id)).status, JobStatus::kScheduled);
}

TEST_P(MetaStoreContract, StopsADumpJobWhoseNodeCameBackAsAnotherSession) {
    const auto running = start_shard("dump", -1s);
    register_worker("n", "s2");
    expect_ok(store_->expire_workers({}));
    EXPECT_EQ(value_of(store_->job(running.job.id)).status, JobStatus::kStopped);
    EXPECT_EQ(shard_status(running), "CANCELLED");
    EXPECT_EQ(value_of(store_->list_workers()).at(0).state, WorkerState::kActive);
}

// ---- jobs ----

TEST_P(MetaStoreContract, AllowsOneActiveJobPerDataset) {
    const auto job = create_job("n");
    EXPECT_EQ(job.status, JobStatus::kScheduled);
    EXPECT_EQ(job.end_block, BlockNum{99});
    const auto error = error_of(store_->create_job(
        {.dataset_id = job.dataset_id, .hash = job.hash, .descriptor = "{}", .node_id = "m"}));
    EXPECT_EQ(error.code, Code::kConflict);
    EXPECT_EQ(error.reason, "ACTIVE_JOB");
    EXPECT_THAT(error.message, HasSubstr(fmt::format("job {}", job.id)));
    EXPECT_THAT(error.message, HasSubstr("\"n\""));
    EXPECT_EQ(value_of(store_->active_job(job.dataset_id, job.hash))->id, job.id);

    const std::array from{JobStatus::kScheduled, JobStatus::kRunning};
    value_of(store_->transition_job(job.id, from, {.to = JobStatus::kCompleted}));
    EXPECT_FALSE(value_of(store_->active_job(job.dataset_id, job.hash)));
    EXPECT_NE(create_job("m").id, job.id);
    EXPECT_EQ(error_of(store_->create_job({.dataset_id = 12'345, .hash = job.hash, .descriptor = "{}"})).code,
              Code::kNotFound);
}

TEST_P(MetaStoreContract, CreatesOneJobForTwoAtOnce) {
    const auto dataset = register_dataset("eth", 'a');
    std::atomic<int> made{0};
    std::atomic<int> refused{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                const auto other = open();
                const auto job =
                    other->create_job({.dataset_id = dataset.id, .hash = dataset.hash, .descriptor = "{}"});
                if (job.ok()) ++made;
                if (!job.ok() && job.error().reason == "ACTIVE_JOB") ++refused;
            });
        }
    }
    EXPECT_EQ(made, 1);
    EXPECT_EQ(refused, 3);
}

TEST_P(MetaStoreContract, ChangesJobStatesConditionally) {
    const auto job = create_job("n");
    const std::array scheduled{JobStatus::kScheduled};
    const std::array running{JobStatus::kRunning};
    value_of(store_->transition_job(job.id, scheduled, {.to = JobStatus::kRunning}));
    value_of(store_->transition_job(job.id, scheduled, {.to = JobStatus::kRunning}));
    const auto error = error_of(store_->transition_job(job.id, scheduled, {.to = JobStatus::kStopped}));
    EXPECT_EQ(error.code, Code::kConflict);
    EXPECT_THAT(error.message, HasSubstr("is RUNNING"));
    value_of(store_->transition_job(
        job.id, running,
        {.to = JobStatus::kFailed, .reason = "POISON_SHARD", .error_json = R"({"code":"X"})"}));
    const auto failed = value_of(store_->job(job.id));
    EXPECT_EQ(failed.status, JobStatus::kFailed);
    EXPECT_EQ(failed.reason, "POISON_SHARD");
    EXPECT_EQ(failed.last_error, R"({"code":"X"})");
    EXPECT_EQ(error_of(store_->job(job.id + 1)).code, Code::kNotFound);
    EXPECT_EQ(error_of(store_->transition_job(job.id + 1, running, {.to = JobStatus::kFailed})).code,
              Code::kNotFound);
}

// ---- shards ----

TEST_P(MetaStoreContract, CreatesShardsInOrder) {
    const auto job = create_job("n");
    std::vector<catalog::NewShard> ranges;
    for (BlockNum i = 0; i < 450; ++i) ranges.push_back({i * 10, i * 10 + 9});
    const auto shards = value_of(store_->create_shards(job.id, ranges, {}));
    ASSERT_THAT(shards, SizeIs(450));
    for (std::size_t i = 0; i < shards.size(); ++i) {
        EXPECT_EQ(shards[i].start_block, ranges[i].start_block);
        EXPECT_EQ(shards[i].next_block, ranges[i].start_block);
        EXPECT_EQ(shards[i].end_block, ranges[i].end_block);
        EXPECT_TRUE(i == 0 || shards[i].id > shards[i - 1].id);
    }
    EXPECT_THAT(value_of(store_->shards(job.id)), SizeIs(450));
    EXPECT_THAT(value_of(store_->create_shards(job.id, {}, {})), IsEmpty());
    expect_ok(store_->cancel_pending_shards(job.id));
    EXPECT_EQ(value_of(store_->shards(job.id)).at(0).status, ShardStatus::kCancelled);

    const std::array scheduled{JobStatus::kScheduled};
    value_of(store_->transition_job(job.id, scheduled, {.to = JobStatus::kStopped}));
    EXPECT_EQ(error_of(store_->create_shards(job.id, ranges, {})).code, Code::kConflict);
}

TEST_P(MetaStoreContract, AssignsAShardOnce) {
    const auto running = start_shard();
    register_worker("m", "t");
    EXPECT_EQ(running.fence.epoch, 1);
    EXPECT_FALSE(value_of(store_->assign_shard(running.fence.shard_id, "t")));
    EXPECT_FALSE(value_of(store_->assign_shard(running.fence.shard_id, "nobody")));
    EXPECT_EQ(value_of(store_->heartbeat("s", 1h, "{}")).work_seq, 1);

    expect_ok(store_->release_shard(running.fence, 0ms, ""));
    const auto other = value_of(store_->assign_shard(running.fence.shard_id, "t"));
    ASSERT_TRUE(other);
    EXPECT_EQ(other->epoch, 3);
    EXPECT_EQ(error_of(store_->release_shard(running.fence, 0ms, "")).reason, "FENCED");
    EXPECT_EQ(error_of(store_->end_shard(running.fence, ShardStatus::kFailed, "")).reason, "FENCED");

    expect_ok(store_->retire_worker("t"));
    expect_ok(store_->release_shard(*other, 1h, R"({"code":"E"})"));
    const auto shard = value_of(store_->shards(running.job.id)).at(0);
    EXPECT_EQ(shard.attempts, 1);
    EXPECT_EQ(shard.last_error, R"({"code":"E"})");
    EXPECT_TRUE(shard.not_before);
    EXPECT_FALSE(value_of(store_->assign_shard(shard.id, "s"))) << "not due yet";
}

TEST_P(MetaStoreContract, EndsAShard) {
    const auto running = start_shard();
    expect_ok(store_->end_shard(running.fence, ShardStatus::kFailed, R"({"code":"E"})"));
    expect_ok(store_->end_shard(running.fence, ShardStatus::kFailed, ""));
    EXPECT_EQ(shard_status(running), "FAILED");
    EXPECT_EQ(error_of(store_->end_shard(running.fence, ShardStatus::kDone, "")).reason, "FENCED");
    EXPECT_EQ(error_of(store_->end_shard(running.fence, ShardStatus::kPending, "")).code,
              Code::kInvalidArgument);
}

TEST_P(MetaStoreContract, CancelsAShardReleasedWhileItsJobStops) {
    const auto running = start_shard();
    const std::array scheduled{JobStatus::kScheduled};
    value_of(store_->transition_job(running.job.id, scheduled, {.to = JobStatus::kStopRequested}));
    expect_ok(store_->release_shard(running.fence, 0ms, ""));
    EXPECT_EQ(shard_status(running), "CANCELLED");
}

// ---- commits ----

TEST_P(MetaStoreContract, CommitsAGroup) {
    const auto running = start_shard();
    EXPECT_EQ(value_of(store_->commit_group(group(running, 0, 49))), ShardStatus::kRunning);
    EXPECT_EQ(value_of(store_->shards(running.job.id)).at(0).next_block, 50U);
    EXPECT_EQ(value_of(store_->commit_group(group(running, 50, 99))), ShardStatus::kDone);
    expect_ok(store_->end_shard(running.fence, ShardStatus::kDone, ""));
    EXPECT_EQ(shard_status(running), "DONE");

    const auto files = value_of(store_->files(running.revision, 0));
    ASSERT_THAT(files, SizeIs(2));
    const auto wanted = file(running.revision, 0, 49);
    EXPECT_EQ(files[0].name, wanted.name);
    EXPECT_EQ(files[0].range, wanted.range);
    EXPECT_EQ(files[0].prev_hash, wanted.prev_hash);
    EXPECT_EQ(files[0].hash, wanted.hash);
    EXPECT_EQ(files[0].end_timestamp, wanted.end_timestamp);
    EXPECT_EQ(files[0].rows, wanted.rows);
    EXPECT_EQ(files[0].bytes, wanted.bytes);
    EXPECT_EQ(files[0].state, FileState::kLive);
    EXPECT_EQ(files[0].commit_seq, 1);
    EXPECT_EQ(files[1].commit_seq, 2);
    EXPECT_GT(files[0].created_at, 1'600'000'000'000'000);
    EXPECT_THAT(value_of(store_->files(running.revision, 1)), SizeIs(1));
    EXPECT_EQ(value_of(store_->active_revisions()).at(0).change_seq, 2);
    EXPECT_EQ(run_sql(options_, "SELECT footer FROM file_footers"), "504152310078");
    EXPECT_EQ(run_sql(options_, "SELECT min_block * 1000 + max_block FROM revisions"), "99");
}

TEST_P(MetaStoreContract, RefusesEveryStaleOwner) {
    const auto running = start_shard();
    const auto refused = [&](const Fence& fence) {
        auto commit = group(running, 0, 9);
        commit.fence = fence;
        const auto error = error_of(store_->commit_group(commit));
        EXPECT_EQ(error.code, Code::kConflict);
        EXPECT_EQ(error.reason, "FENCED");
        EXPECT_THAT(value_of(store_->files(running.revision, 0)), IsEmpty());
        EXPECT_EQ(value_of(store_->active_revisions()).at(0).change_seq, 0);
        EXPECT_EQ(value_of(store_->shards(running.job.id)).at(0).next_block, 0U);
    };
    auto older = running.fence;
    --older.epoch;
    refused(older);
    auto other = running.fence;
    other.session_id = "t";
    refused(other);
    auto elsewhere = running.fence;
    ++elsewhere.shard_id;
    refused(elsewhere);
    const std::array dead{std::string("s")};
    expect_ok(store_->expire_workers(dead));
    refused(running.fence);
}

TEST_P(MetaStoreContract, LetsALateOwnerCommitUntilSomeoneTookOver) {
    const auto running = start_shard("api", -1s);
    EXPECT_TRUE(store_->commit_group(group(running, 0, 9)).ok()) << "lease time alone does not fence";
}

TEST_P(MetaStoreContract, RollsAGroupBackAsAWhole) {
    const auto running = start_shard();
    const auto logs = ensure(running.job.dataset_id, {"logs"}).at(0).id;
    value_of(store_->commit_group(group(running, 0, 9)));
    auto commit = group(running, 10, 19);
    commit.files[0].revision_id = logs;
    commit.files.push_back(file(running.revision, 0, 9));  // this name exists
    const auto error = error_of(store_->commit_group(commit));
    EXPECT_EQ(error.code, Code::kAlreadyExists) << error.message;
    EXPECT_THAT(value_of(store_->files(logs, 0)), IsEmpty());
    EXPECT_THAT(value_of(store_->files(running.revision, 0)), SizeIs(1));
    EXPECT_EQ(value_of(store_->shards(running.job.id)).at(0).next_block, 10U);
    for (const auto& revision : value_of(store_->active_revisions())) {
        EXPECT_EQ(revision.change_seq, revision.id == logs ? 0 : 1);
    }
    auto nowhere = group(running, 10, 19);
    nowhere.files[0].revision_id = 12'345;
    EXPECT_EQ(error_of(store_->commit_group(nowhere)).code, Code::kNotFound);
    nowhere.files[0].range = {5, BlockNum{1} << 63};
    EXPECT_EQ(error_of(store_->commit_group(nowhere)).code, Code::kInvalidArgument);
}

TEST_P(MetaStoreContract, ReportsSupersededFilesAsChanges) {
    const auto running = start_shard();
    value_of(store_->commit_group(group(running, 0, 9)));
    value_of(store_->commit_group(group(running, 10, 19)));
    const auto old = value_of(store_->live_files(running.revision));
    ASSERT_THAT(old, SizeIs(2));
    auto commit = group(running, 20, 29);
    commit.superseded = {old[1].id};
    value_of(store_->commit_group(commit));

    const auto changes = value_of(store_->files(running.revision, 2));
    ASSERT_THAT(changes, SizeIs(2));
    EXPECT_EQ(changes[0].id, old[1].id);
    EXPECT_EQ(changes[0].state, FileState::kSuperseded);
    EXPECT_EQ(changes[0].commit_seq, 3);
    EXPECT_EQ(changes[1].state, FileState::kLive);
    EXPECT_THAT(value_of(store_->live_files(running.revision)), SizeIs(2));
    EXPECT_EQ(run_sql(options_, "SELECT path FROM gc_queue"), "_/eth/blocks/1/000000010.parquet");

    auto again = group(running, 30, 39);
    again.superseded = {old[1].id};
    EXPECT_EQ(error_of(store_->commit_group(again)).reason, "NOT_LIVE");
    EXPECT_THAT(value_of(store_->files(running.revision, 3)), IsEmpty());
}

TEST_P(MetaStoreContract, NumbersParallelCommitsWithoutGaps) {
    register_worker("n", "s");
    const auto job = create_job("n");
    const auto revision = ensure(job.dataset_id, {"blocks"}).at(0).id;
    constexpr int kWriters = 3;
    constexpr int kCommits = 20;
    std::vector<catalog::NewShard> ranges;
    for (BlockNum i = 0; i < kWriters; ++i) ranges.push_back({i * 1'000, i * 1'000 + 999});
    const auto shards = value_of(store_->create_shards(job.id, ranges, {}));
    {
        std::vector<std::jthread> threads;
        for (const auto& shard : shards) {
            threads.emplace_back([&, shard] {
                const auto other = open();
                const Running running{job, *value_of(other->assign_shard(shard.id, "s")), revision};
                for (BlockNum i = 0; i < kCommits; ++i) {
                    const auto start = shard.start_block + i * 10;
                    EXPECT_TRUE(other->commit_group(group(running, start, start + 9)).ok());
                }
            });
        }
    }
    const auto files = value_of(store_->files(revision, 0));
    ASSERT_THAT(files, SizeIs(kWriters * kCommits));
    for (std::size_t i = 0; i < files.size(); ++i)
        EXPECT_EQ(files[i].commit_seq, static_cast<std::int64_t>(i + 1));
}

// ---- changes, restarts ----

TEST_P(MetaStoreContract, WakesWaitersOfOtherStores) {
    const auto other = open();
    while (value_of(other->wait_for_change(300ms, {}))) {
    }
    const auto running = start_shard();
    EXPECT_TRUE(value_of(other->wait_for_change(10s, {})));
    while (value_of(other->wait_for_change(300ms, {}))) {
    }
    std::jthread committer([&] { value_of(store_->commit_group(group(running, 0, 9))); });
    EXPECT_TRUE(value_of(other->wait_for_change(10s, {})));
}

TEST_P(MetaStoreContract, CommitsDoNotWakeWhoWaitsForWork) {
    const auto other = open();
    const auto running = start_shard("api");
    while (value_of(other->wait_for_work(300ms, {}))) {
    }
    value_of(store_->commit_group(group(running, 0, 9)));
    // SQLite tells that there was a commit, not which.
    EXPECT_EQ(value_of(other->wait_for_work(postgres() ? 300ms : 10s, {})), !postgres());
    value_of(store_->request_stop(running.job.id));
    EXPECT_TRUE(value_of(other->wait_for_work(10s, {})));
}

TEST_P(MetaStoreContract, WakesItsOwnWaitersAndMissesNothingBetweenWaits) {
    while (value_of(store_->wait_for_change(200ms, {}))) {
    }
    register_dataset("eth", 'a');
    EXPECT_TRUE(value_of(store_->wait_for_change(10s, {}))) << "a change between two waits";
}

TEST_P(MetaStoreContract, StopsWaitingOnRequest) {
    while (value_of(store_->wait_for_change(200ms, {}))) {
    }
    std::stop_source source;
    std::jthread stopper([&] { source.request_stop(); });
    EXPECT_FALSE(value_of(store_->wait_for_change(1h, source.get_token())));
}

TEST_P(MetaStoreContract, KeepsEverythingOverARestart) {
    const auto running = start_shard();
    value_of(store_->commit_group(group(running, 0, 9)));
    store_.reset();
    store_ = open();
    EXPECT_THAT(value_of(store_->live_files(running.revision)), SizeIs(1));
    EXPECT_TRUE(store_->commit_group(group(running, 10, 19)).ok());
    EXPECT_EQ(value_of(store_->files(running.revision, 1)).at(0).commit_seq, 2);
}

// ---- control ----

TEST_P(MetaStoreContract, APlanCountsOnlyWhileTheRowIsUnchanged) {
    const auto job = create_job("n", "api");
    const std::array scheduled{JobStatus::kScheduled};
    const auto claimed = value_of(store_->transition_job(
        job.id, scheduled,
        {.to = JobStatus::kScheduled, .reason = "PLANNING", .change_seq = job.change_seq}));
    EXPECT_EQ(claimed.reason, "PLANNING");
    EXPECT_EQ(error_of(store_->transition_job(job.id, scheduled,
                                              {.to = JobStatus::kScheduled, .change_seq = job.change_seq}))
                  .reason,
              "JOB_CHANGED");
    const std::array wanted{catalog::NewShard{0, 9}, catalog::NewShard{10, std::nullopt}};
    EXPECT_EQ(error_of(store_->create_shards(job.id, wanted, job.change_seq)).reason, "JOB_CHANGED");
    const auto made = value_of(store_->create_shards(job.id, wanted, claimed.change_seq));
    EXPECT_EQ(made.at(0).kind, "range");
    EXPECT_EQ(made.at(1).kind, "tip");
    EXPECT_FALSE(made.at(1).end_block);

    const auto late = value_of(store_->transition_job(
        job.id, scheduled, {.to = JobStatus::kScheduled, .reason = "BACKOFF", .retry_at = 123}));
    EXPECT_EQ(late.retry_at, 123);
    EXPECT_FALSE(value_of(store_->transition_job(job.id, scheduled, {.to = JobStatus::kScheduled})).retry_at);
}

TEST_P(MetaStoreContract, FailsAPendingShardOfOneEpochOnly) {
    const auto running = start_shard("api");
    expect_ok(
        store_->fail_pending_shard(running.fence.shard_id, running.fence.epoch, R"({"error_code":"X"})"));
    EXPECT_EQ(shard_status(running), "RUNNING");
    expect_ok(store_->release_shard(running.fence, 0ms, {}));
    expect_ok(store_->fail_pending_shard(running.fence.shard_id, running.fence.epoch, {}));
    EXPECT_EQ(shard_status(running), "PENDING");
    expect_ok(
        store_->fail_pending_shard(running.fence.shard_id, running.fence.epoch + 1, R"({"error_code":"X"})"));
    EXPECT_EQ(shard_status(running), "FAILED");
}

TEST_P(MetaStoreContract, StopsAJobAtOnceOrAsksItsWorkers) {
    const auto idle = create_job("n", "api");
    const std::array wanted{catalog::NewShard{0, 9}};
    value_of(store_->create_shards(idle.id, wanted, {}));
    EXPECT_EQ(value_of(store_->request_stop(idle.id)).status, JobStatus::kStopped);
    EXPECT_EQ(value_of(store_->request_stop(idle.id)).status, JobStatus::kStopped);
    EXPECT_EQ(value_of(store_->shards(idle.id)).at(0).status, ShardStatus::kCancelled);
    EXPECT_EQ(error_of(store_->request_stop(idle.id + 100)).reason, "JOB_NOT_FOUND");

    const auto running = start_shard("api");
    const auto before = value_of(store_->heartbeat("s", 1h, "{}")).work_seq;
    EXPECT_EQ(value_of(store_->request_stop(running.job.id)).status, JobStatus::kStopRequested);
    EXPECT_GT(value_of(store_->heartbeat("s", 1h, "{}")).work_seq, before);
    const auto work = value_of(store_->session_work("s"));
    ASSERT_THAT(work.shards, SizeIs(1));
    ASSERT_THAT(work.jobs, SizeIs(1));
    EXPECT_EQ(work.jobs.at(0).status, JobStatus::kStopRequested);
    expect_ok(store_->release_shard(running.fence, 0ms, {}));
    EXPECT_EQ(shard_status(running), "CANCELLED");
    EXPECT_THAT(value_of(store_->session_work("s")).shards, IsEmpty());
}

TEST_P(MetaStoreContract, StartsAnEndedJobAgainAndDeletesOnlyEndedOnes) {
    const auto running = start_shard("api");
    EXPECT_EQ(error_of(store_->resume_job(running.job.id, {})).reason, "JOB_CONFLICT");
    EXPECT_EQ(error_of(store_->delete_job(running.job.id)).reason, "JOB_CONFLICT");
    expect_ok(store_->end_shard(running.fence, ShardStatus::kFailed, R"({"error_code":"X"})"));
    const std::array any{JobStatus::kScheduled};
    value_of(store_->transition_job(running.job.id, any,
                                    {.to = JobStatus::kFailed, .error_json = R"({"error_code":"X"})"}));
    const auto resumed = value_of(store_->resume_job(running.job.id, {.end_block = 500, .parallelism = 3}));
    EXPECT_EQ(resumed.status, JobStatus::kScheduled);
    EXPECT_EQ(resumed.end_block, BlockNum{500});
    EXPECT_EQ(resumed.parallelism, 3);
    EXPECT_EQ(resumed.last_error, "");
    EXPECT_EQ(shard_status(running), "CANCELLED");
    EXPECT_EQ(value_of(store_->request_stop(running.job.id)).status, JobStatus::kStopped);
    const auto other = create_job("n", "api");
    EXPECT_EQ(error_of(store_->resume_job(running.job.id, {})).reason, "ACTIVE_JOB");
    EXPECT_TRUE(value_of(store_->delete_job(running.job.id)));
    EXPECT_FALSE(value_of(store_->delete_job(running.job.id)));
    EXPECT_EQ(error_of(store_->resume_job(running.job.id, {})).reason, "JOB_NOT_FOUND");
    EXPECT_EQ(value_of(store_->job(other.id)).status, JobStatus::kScheduled);
}

TEST_P(MetaStoreContract, WritesOneEventPerStep) {
    const auto running = start_shard("api");
    value_of(store_->commit_group(group(running, 0, 99)));
    const auto events = value_of(store_->job_events(running.job.id, {}, 100));
    std::vector<std::string> types;
    for (const auto& event : events) types.push_back(event.type);
    EXPECT_THAT(types, ElementsAre("SHARD_DONE", "SHARD_ASSIGNED", "SCHEDULED"));
    EXPECT_EQ(events.at(1).node_id, "n");
    EXPECT_EQ(events.at(1).shard_id, running.fence.shard_id);
    EXPECT_THAT(value_of(store_->job_events(running.job.id, events.at(0).id, 1)), SizeIs(1));
    EXPECT_EQ(value_of(store_->job(running.job.id)).node_id, "n");
}

TEST_P(MetaStoreContract, DrainsAndDeletesWorkers) {
    register_worker("n", "s");
    EXPECT_EQ(error_of(store_->delete_worker("n")).reason, "WORKER_ACTIVE");
    EXPECT_EQ(value_of(store_->drain_worker("n")).state, catalog::WorkerState::kDraining);
    EXPECT_EQ(value_of(store_->heartbeat("s", 1h, "{}")).state, catalog::WorkerState::kDraining);
    expect_ok(store_->retire_worker("s"));
    EXPECT_EQ(value_of(store_->drain_worker("n")).state, catalog::WorkerState::kGone);
    expect_ok(store_->delete_worker("n"));
    EXPECT_EQ(error_of(store_->delete_worker("n")).reason, "WORKER_NOT_FOUND");
    EXPECT_EQ(error_of(store_->drain_worker("n")).reason, "WORKER_NOT_FOUND");
}

TEST_P(MetaStoreContract, ASessionLockShowsWhoLives) {
    register_worker("n", "s");
    register_worker("m", "t");
    auto lock = value_of(store_->lock_session("s"));
    if (!postgres()) {
        EXPECT_THAT(value_of(store_->unlocked_sessions()), IsEmpty());
        return;
    }
    EXPECT_THAT(value_of(store_->unlocked_sessions()), ElementsAre("t"));
    lock.reset();
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (value_of(store_->unlocked_sessions()).size() < 2 && std::chrono::steady_clock::now() < deadline) {
    }
    EXPECT_THAT(value_of(store_->unlocked_sessions()), SizeIs(2));
}

TEST_P(MetaStoreContract, DeletesDatasetsVersionsAndManifestsThatNothingUses) {
    register_dataset("eth", 'a', "1.0.0");
    const auto newer = register_dataset("eth", 'b', "1.1.0");
    EXPECT_EQ(value_of(store_->dataset(newer.id, hash_text('b')))->name, "eth");
    EXPECT_FALSE(value_of(store_->dataset(newer.id, hash_text('c'))));
    EXPECT_EQ(error_of(store_->delete_version("_", "eth", "1.1.0")).reason, "CANNOT_DELETE_LATEST_VERSION");
    EXPECT_TRUE(value_of(store_->delete_version("_", "eth", "1.0.0")));
    EXPECT_FALSE(value_of(store_->delete_version("_", "eth", "1.0.0")));
    EXPECT_EQ(error_of(store_->delete_manifest(hash_text('a'))).reason, "MANIFEST_LINKED");
    expect_ok(store_->put_manifest(hash_text('c'), "evm-rpc", "mainnet", "{}"));
    EXPECT_THAT(value_of(store_->list_manifests()), SizeIs(3));
    EXPECT_THAT(value_of(store_->manifest_datasets(hash_text('b'))), SizeIs(3));
    EXPECT_EQ(value_of(store_->manifest(hash_text('c'))), "{}");
    EXPECT_EQ(value_of(store_->prune_manifests()), 1);
    EXPECT_FALSE(value_of(store_->delete_manifest(hash_text('c'))));

    const auto job = value_of(store_->create_job(
        {.dataset_id = newer.id, .hash = newer.hash, .origin = "api", .descriptor = "{}"}));
    EXPECT_EQ(error_of(store_->delete_dataset("_", "eth")).reason, "DATASET_IN_USE");
    value_of(store_->request_stop(job.id));
    EXPECT_TRUE(value_of(store_->delete_dataset("_", "eth")));
    EXPECT_FALSE(value_of(store_->delete_dataset("_", "eth")));
    EXPECT_THAT(value_of(store_->list_datasets()), IsEmpty());
    EXPECT_THAT(value_of(store_->list_manifests()), IsEmpty());
}

TEST_P(MetaStoreContract, KeepsProviders) {
    catalog::StoredProvider provider{
        .name = "a", .kind = "evm-rpc", .network = "mainnet", .config = R"({"url":"http://x"})"};
    expect_ok(store_->put_provider(provider, false));
    expect_ok(store_->put_provider(provider, false));
    provider.config = R"({"url":"http://y"})";
    EXPECT_EQ(error_of(store_->put_provider(provider, false)).reason, "PROVIDER_CONFLICT");
    expect_ok(store_->put_provider(provider, true));
    EXPECT_EQ(value_of(store_->list_providers()).at(0).config, R"({"url":"http://y"})");
    EXPECT_EQ(value_of(store_->list_providers()).at(0).version, 2);
    EXPECT_TRUE(value_of(store_->delete_provider("a")));
    EXPECT_FALSE(value_of(store_->delete_provider("a")));
}

TEST_P(MetaStoreContract, HandlesRevisionsByHand) {
    const auto running = start_shard("api");
    value_of(store_->commit_group(group(running, 0, 99)));
    const auto listed = value_of(store_->list_revisions({.active = true}));
    ASSERT_THAT(listed, SizeIs(1));
    const auto old = listed.front().revision;
    EXPECT_EQ(listed.front().writer, running.job.id);
    const auto& hash = old.hash;
    auto fresh = value_of(store_->add_revision(old.dataset_id, hash, "mainnet", {old.table, "some/where"}));
    EXPECT_FALSE(fresh.revision.active);
    EXPECT_EQ(value_of(store_->add_revision(old.dataset_id, hash, "mainnet", {old.table, "some/where"}))
                  .revision.id,
              fresh.revision.id);
    EXPECT_EQ(error_of(store_->add_revision(old.dataset_id, hash, "mainnet", {"other", "some/where"})).reason,
              "REVISION_CONFLICT");
    const auto file = value_of(store_->live_files(old.id)).front();
    EXPECT_EQ(value_of(store_->file(file.id))->path, old.path);
    EXPECT_FALSE(value_of(store_->file(file.id + 1000)));

    for (const auto& busy : {error_of(store_->activate_revision(fresh.revision.id)),
                             error_of(store_->deactivate_revision(old.dataset_id, hash, old.table)),
                             error_of(store_->delete_revision(old.id)),
                             error_of(store_->retire_files(old.id, {}, 0s, "pruned"))})
        EXPECT_EQ(busy.reason, "WRITER_JOB_NOT_TERMINAL");
    EXPECT_EQ(error_of(store_->activate_revision(old.id + 1000)).reason, "REVISION_NOT_FOUND");

    value_of(store_->request_stop(running.job.id));
    ASSERT_EQ(value_of(store_->job(running.job.id)).status, JobStatus::kStopped);

    EXPECT_EQ(error_of(store_->delete_revision(old.id)).reason, "REVISION_IS_ACTIVE");
    EXPECT_EQ(error_of(store_->retire_files(old.id, {}, 0s, "pruned")).reason, "REVISION_IS_ACTIVE");
    EXPECT_TRUE(value_of(store_->activate_revision(fresh.revision.id)).revision.active);
    EXPECT_FALSE(value_of(store_->revision(old.id)).revision.active);
    EXPECT_EQ(error_of(store_->delete_revision(old.id)).reason, "FILE_METADATA_REMAINING");
    EXPECT_EQ(value_of(store_->retire_files(old.id, 50, 0s, "pruned")), 0);
    EXPECT_EQ(value_of(store_->retire_files(old.id, 100, 1h, "pruned")), 1);
    EXPECT_THAT(value_of(store_->due_files({}, 0, 10)), IsEmpty());
    EXPECT_EQ(value_of(store_->retire_files(old.id, {}, 0s, "truncated")), 0);
    const auto due = value_of(store_->due_files(old.id, 0, 10));
    ASSERT_THAT(due, SizeIs(1));
    EXPECT_EQ(due.front().path, old.path + "/" + file.name);
    EXPECT_THAT(value_of(store_->due_files(fresh.revision.id, 0, 10)), IsEmpty());
    const std::array gone = {due.front().id};
    expect_ok(store_->forget_files(gone));
    EXPECT_THAT(value_of(store_->due_files({}, 0, 10)), IsEmpty());
    expect_ok(store_->delete_revision(old.id));

    NewFile found;
    found.name = "000000000-aa.parquet";
    found.network = "mainnet";
    found.range = {0, 9};
    EXPECT_EQ(value_of(store_->register_files(fresh.revision.id, std::array{found})), 1);
    EXPECT_EQ(value_of(store_->register_files(fresh.revision.id, std::array{found})), 0);
    EXPECT_THAT(value_of(store_->live_files(fresh.revision.id)), SizeIs(1));
    EXPECT_TRUE(value_of(store_->deactivate_revision(old.dataset_id, hash, old.table)));
    EXPECT_FALSE(value_of(store_->deactivate_revision(old.dataset_id, hash, old.table)));
}

TEST_P(MetaStoreContract, AKeyMakesOneJob) {
    const auto dataset = register_dataset("eth", 'a');
    catalog::NewJob job{.dataset_id = dataset.id, .hash = dataset.hash, .origin = "api", .descriptor = "{}"};
    job.idempotency_key = "k";
    const auto first = value_of(store_->create_job(job));
    EXPECT_EQ(value_of(store_->create_job(job)).id, first.id);
    value_of(store_->request_stop(first.id));
    EXPECT_EQ(value_of(store_->create_job(job)).id, first.id);
    auto other = job;
    other.descriptor = R"({"end_block":"7"})";
    EXPECT_EQ(error_of(store_->create_job(other)).reason, "ACTIVE_JOB_CONFLICT");
    run_sql(options_, "UPDATE jobs SET created_at = created_at - 90000000000");
    EXPECT_NE(value_of(store_->create_job(job)).id, first.id);
}

INSTANTIATE_TEST_SUITE_P(Engines, MetaStoreContract, ::testing::Values(Engine::kSqlite, Engine::kPostgres),
                         engine_name);

}  // namespace
}  // namespace amp::metadb
