// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "jobs/worker.hpp"

#include "jobs/fake_dataset_test.hpp"
#include "jobs/scheduler_loop.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <list>

namespace amp::jobs {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using namespace std::chrono_literals;
using catalog::JobStatus;

constexpr auto kPatience = 60s;  // far above what any step takes; a test that needs it has failed

class OneSource final : public Sources {
  public:
    explicit OneSource(std::shared_ptr<extract::BlockSource> source) : source_(std::move(source)) {}
    Result<std::shared_ptr<extract::BlockSource>> open(const std::string&, const std::string& network,
                                                       std::stop_token) override {
        if (network != "fake")
            return make_error(Code::kUnavailable, "no provider serves the network {}", network)
                .with_reason("NO_PROVIDER");
        return source_;
    }

  private:
    std::shared_ptr<extract::BlockSource> source_;
};

// Workers and a scheduler loop on threads of this process, over one store.
class WorkerTest : public FakeDatasetTest {
  protected:
    WorkerTest() {
        SchedulerLoopOptions options;
        options.owner = "test";
        options.tick = 20ms;
        options.worker_lease = 1s;
        options.extraction = extraction();
        loop_.emplace(*store_, sources_, options);
        scheduling_ = std::jthread([this](std::stop_token stop) { loop_->run(std::move(stop)); });
    }
    ~WorkerTest() override {
        workers_.clear();
        scheduling_.request_stop();
    }

    static ExtractionOptions extraction() {
        ExtractionOptions out;
        out.shard_blocks = 100;
        out.poll = 5ms;
        out.backoff_base = 1ms;
        out.backoff_max = 2ms;
        out.program = "test";
        return out;
    }

    struct Running {
        Running(catalog::MetaStore& store, storage::ObjectStore& objects, Sources& sources,
                WorkerOptions options)
            : worker(store, objects, sources, std::move(options)),
              thread([this](std::stop_token stop) { outcome = worker.run(std::move(stop)); }) {}
        Result<> outcome;
        Worker worker;
        std::jthread thread;
    };

    Running& start_worker(std::string node, int slots = 2) {
        WorkerOptions options;
        options.node_id = std::move(node);
        options.slots = slots;
        options.heartbeat = 20ms;
        options.lease = 1s;
        options.extraction = extraction();
        return workers_.emplace_back(*store_, *objects_, sources_, std::move(options));
    }

    catalog::Job create_job(std::optional<BlockNum> end, std::string_view end_text) {
        catalog::NewJob job;
        job.dataset_id = dataset_.id;
        job.hash = dataset_.hash;
        job.origin = "api";
        job.start_block = start_block_;
        job.end_block = end;
        job.parallelism = 4;
        job.descriptor = fmt::format(
            R"({{"kind":"materialize-raw","end_block":{},"max_writers":4,"verify":true}})", end_text);
        auto made = store_->create_job(job);
        EXPECT_TRUE(made.ok());
        return *made;
    }

    // Waits for the store to say so; every change of the store wakes it.
    template <class Condition>
    bool eventually(Condition condition) {
        const auto deadline = std::chrono::steady_clock::now() + kPatience;
        while (std::chrono::steady_clock::now() < deadline) {
            if (condition()) return true;
            (void)store_->wait_for_change(50ms, {});
        }
        return false;
    }
    bool becomes(std::int64_t job, JobStatus status) {
        return eventually([&] { return store_->job(job)->status == status; });
    }
    bool reaches(BlockNum block) {
        return eventually([&] {
            for (const auto& file : live_or_none())
                if (file.range.contains(block) && file.hash == source_->hash_of(file.range.end)) return true;
            return false;
        });
    }
    std::vector<catalog::File> live_or_none() {
        const auto revisions = store_->active_revisions();
        return revisions->empty() ? std::vector<catalog::File>{} : *store_->live_files(revisions->front().id);
    }
    std::set<std::string> nodes_of(std::int64_t job) {
        std::set<std::string> nodes;
        for (const auto& event : *store_->job_events(job, std::nullopt, 1000))
            if (event.type == "SHARD_ASSIGNED") nodes.insert(event.node_id);
        return nodes;
    }

    std::shared_ptr<amp::testing::FakeSource> source_ =
        std::make_shared<amp::testing::FakeSource>(999, std::optional<BlockNum>(935));
    OneSource sources_{source_};
    BlockNum start_block_ = 0;
    std::optional<SchedulerLoop> loop_;
    std::jthread scheduling_;
    std::list<Running> workers_;
};

TEST_F(WorkerTest, TwoWorkersShareAJobAndCompleteIt) {
    start_worker("w1", 1);
    start_worker("w2", 1);
    ASSERT_TRUE(eventually([&] { return store_->list_workers()->size() == 2; }));
    const auto job = create_job(999, "\"999\"");
    ASSERT_TRUE(becomes(job.id, JobStatus::kCompleted)) << store_->job(job.id)->last_error;
    expect_chain(*source_, 999);
    EXPECT_EQ(source_->delivered(), 1000U);
    EXPECT_THAT(nodes_of(job.id), UnorderedElementsAre("w1", "w2"));
}

TEST_F(WorkerTest, AJobWithoutAnEndFollowsTheHeadAndItsReorgs) {
    start_worker("w1");
    const auto job = create_job(std::nullopt, "null");
    ASSERT_TRUE(reaches(999));
    source_->set_head(1003);
    ASSERT_TRUE(reaches(1003));
    source_->fork(1001, 1006);
    ASSERT_TRUE(reaches(1006));
    ASSERT_TRUE(store_->request_stop(job.id).ok());
    ASSERT_TRUE(becomes(job.id, JobStatus::kStopped));
    expect_chain(*source_, 1006);
}

TEST_F(WorkerTest, ADrainedWorkerGivesItsShardsToAnother) {
    auto& first = start_worker("w1");
    const auto job = create_job(std::nullopt, "null");
    ASSERT_TRUE(reaches(999));
    start_worker("w2");
    ASSERT_TRUE(eventually([&] { return store_->list_workers()->size() == 2; }));
    ASSERT_TRUE(store_->drain_worker("w1").ok());
    first.thread.join();
    EXPECT_TRUE(first.outcome.ok());
    source_->set_head(1010);
    ASSERT_TRUE(reaches(1010));
    expect_chain(*source_, 1010);
    EXPECT_THAT(nodes_of(job.id), UnorderedElementsAre("w1", "w2"));
    for (const auto& shard : *store_->shards(job.id)) EXPECT_EQ(shard.crashes, 0);
}

TEST_F(WorkerTest, ABadBlockFailsItsJobAndNothingElse) {
    source_->spoil(500);
    start_worker("w1");
    const auto bad = create_job(999, "\"999\"");
    ASSERT_TRUE(becomes(bad.id, JobStatus::kFailed));
    EXPECT_THAT(store_->job(bad.id)->last_error, HasSubstr("500"));

    auto other = *catalog::parse_manifest(
        R"({"kind":"evm-rpc","network":"fake","start_block":600,"tables":{"blocks":{}}})", raw_kinds());
    const auto dataset = store_->register_manifest({.name = "other",
                                                    .hash = other.hash,
                                                    .kind = other.kind,
                                                    .network = other.network,
                                                    .manifest = other.canonical,
                                                    .version = std::nullopt});
    dataset_ = *dataset;
    start_block_ = 600;
    const auto good = create_job(999, "\"999\"");
    EXPECT_TRUE(becomes(good.id, JobStatus::kCompleted)) << store_->job(good.id)->last_error;
}

TEST_F(WorkerTest, AKindOfJobThatNobodyHereRunsFailsAlone) {
    start_worker("w1");
    catalog::NewJob strange;
    strange.dataset_id = dataset_.id;
    strange.hash = dataset_.hash;
    strange.kind = "derived";
    strange.origin = "api";
    strange.descriptor = "{}";
    strange.end_block = 10;
    const auto job = *store_->create_job(strange);
    ASSERT_TRUE(becomes(job.id, JobStatus::kFailed));
    EXPECT_THAT(store_->job(job.id)->last_error, HasSubstr("kind"));
    EXPECT_EQ(store_->list_workers()->front().state, catalog::WorkerState::kActive);
}

TEST_F(WorkerTest, ASecondWorkerWithALiveNodeIdIsRefused) {
    start_worker("w1");
    ASSERT_TRUE(eventually([&] { return store_->list_workers()->size() == 1; }));
    auto& second = start_worker("w1");
    second.thread.join();
    ASSERT_FALSE(second.outcome.ok());
    EXPECT_EQ(second.outcome.error().reason, "NODE_ID_IN_USE");
    EXPECT_EQ(store_->list_workers()->front().state, catalog::WorkerState::kActive);
}

TEST_F(WorkerTest, AStoppedJobResumesWhereItWas) {
    start_worker("w1");
    const auto job = create_job(std::nullopt, "null");
    ASSERT_TRUE(reaches(999));
    ASSERT_TRUE(store_->request_stop(job.id).ok());
    ASSERT_TRUE(becomes(job.id, JobStatus::kStopped));
    const auto delivered = source_->delivered();
    source_->set_head(1100);
    catalog::JobResume resume;
    resume.descriptor = R"({"kind":"materialize-raw","end_block":"1100","max_writers":4,"verify":true})";
    resume.end_block = 1100;
    ASSERT_TRUE(store_->resume_job(job.id, resume).ok());
    ASSERT_TRUE(becomes(job.id, JobStatus::kCompleted));
    expect_chain(*source_, 1100);
    EXPECT_LE(source_->delivered(), delivered + 101 + 64);  // at most the tip that was not final yet again
}

}  // namespace
}  // namespace amp::jobs
