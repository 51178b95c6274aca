// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "jobs/dump.hpp"

#include "jobs/fake_dataset_test.hpp"

#include <gmock/gmock.h>

#include <filesystem>

namespace amp::jobs {
namespace {

using ::testing::HasSubstr;

class DumpTest : public FakeDatasetTest {
  protected:
    static DumpOptions options(std::optional<BlockNum> end = std::nullopt) {
        DumpOptions out;
        if (end) out.end = {EndBlock::Kind::kNumber, *end};
        out.parallelism = 2;
        out.shard_blocks = 100;
        out.poll = std::chrono::milliseconds(1);
        out.backoff_base = std::chrono::milliseconds(1);
        out.backoff_max = std::chrono::milliseconds(2);
        out.max_attempts = 3;
        out.program = "test";
        return out;
    }

    std::unique_ptr<WorkerSession> session(std::string node) {
        WorkerSession::Options session_options;
        session_options.node_id = std::move(node);
        auto started = WorkerSession::start(*store_, session_options, [](const Error&) {});
        EXPECT_TRUE(started.ok());
        return std::move(*started);
    }

    Result<DumpSummary> run(amp::testing::FakeSource& source, const DumpOptions& dump_options,
                            std::stop_token stop = {}) {
        const auto owner = session("node");
        return run_as(*owner, source, dump_options, stop);
    }

    Result<DumpSummary> run_as(const WorkerSession& owner, amp::testing::FakeSource& source,
                               const DumpOptions& dump_options, std::stop_token stop = {}) {
        Dump dump(*store_, *objects_, source, owner, dataset_, manifest_, dump_options);
        return dump.run(std::make_shared<runtime::ProgressCounters>(), stop);
    }

    std::size_t objects_on_disk() const { return objects_->list("")->size(); }
};

TEST_F(DumpTest, ExtractsEverythingOnceAndThenNothing) {
    amp::testing::FakeSource source(999, 935);
    const auto first = run(source, options());
    ASSERT_TRUE(first.ok()) << first.error().message;
    EXPECT_EQ(first->blocks, 1000U);
    expect_chain(source, 999);
    const auto files = objects_on_disk();
    const auto second = run(source, options());
    ASSERT_TRUE(second.ok()) << second.error().message;
    EXPECT_EQ(second->blocks, 0U);
    EXPECT_EQ(objects_on_disk(), files);
    EXPECT_EQ(source.delivered(), 1000U);
}

TEST_F(DumpTest, StopsWhenTheAdminApiSaysSo) {
    amp::testing::FakeSource source(999, 935);
    const auto owner = session("node");
    Dump dump(*store_, *objects_, source, *owner, dataset_, manifest_, options());
    source.before(500, [&] {
        const auto job = store_->active_job(dataset_.id, dataset_.hash);
        ASSERT_TRUE(job.ok() && *job);
        ASSERT_TRUE(store_->request_stop((*job)->id).ok());
        dump.heed_stop_request();
    });
    const auto done = dump.run(std::make_shared<runtime::ProgressCounters>(), {});
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().reason, "JOB_STOPPED");
    const auto jobs = store_->list_jobs({});
    EXPECT_EQ(jobs->front().status, catalog::JobStatus::kStopped);
    ASSERT_TRUE(run_as(*owner, source, options()).ok());
    expect_chain(source, 999);
}

TEST_F(DumpTest, FinalAndNonFinalBlocksNeverShareASegment) {
    amp::testing::FakeSource source(199, 150);
    ASSERT_TRUE(run(source, options()).ok());
    for (const auto& file : live()) {
        EXPECT_TRUE(file.range.end <= 150 || file.range.start > 150) << to_string(file.range);
        if (file.range.start > 150) {
            EXPECT_LE(file.range.size(), 32U);
        }
    }
    expect_chain(source, 199);
}

TEST_F(DumpTest, ReplacesTheSegmentsOfAnAbandonedFork) {
    amp::testing::FakeSource source(199, 100);
    ASSERT_TRUE(run(source, options()).ok());
    source.fork(160, 230);
    const auto again = run(source, options());
    ASSERT_TRUE(again.ok()) << again.error().message;
    expect_chain(source, 230);
}

TEST_F(DumpTest, ReplacesAForkOfEqualHeight) {
    amp::testing::FakeSource source(199, 100);
    ASSERT_TRUE(run(source, options()).ok());
    source.fork(199, 199);
    ASSERT_TRUE(run(source, options()).ok());
    expect_chain(source, 199);
}

TEST_F(DumpTest, SurvivesAReorganisationWhileItRuns) {
    amp::testing::FakeSource source(499, 300);
    source.before(450, [&] { source.fork(420, 510); });
    const auto done = run(source, options(499));
    ASSERT_TRUE(done.ok()) << done.error().message;
    expect_chain(source, 499);
}

TEST_F(DumpTest, ReplacesBlocksThatBecameFinalAfterTheyWereReplaced) {
    amp::testing::FakeSource source(199, 150);
    ASSERT_TRUE(run(source, options()).ok());
    source.set_head(205);
    ASSERT_TRUE(run(source, options()).ok());
    source.fork(160, 400);
    source.set_final(350);
    const auto done = run(source, options());
    ASSERT_TRUE(done.ok()) << done.error().message;
    expect_chain(source, 400);
}

TEST_F(DumpTest, RefusesToTouchAChainThatBreaksFinality) {
    amp::testing::FakeSource source(199, 150);
    ASSERT_TRUE(run(source, options()).ok());
    source.fork(100, 250);
    const auto again = run(source, options());
    ASSERT_FALSE(again.ok());
    EXPECT_EQ(again.error().reason, "FINALITY_VIOLATION");
}

TEST_F(DumpTest, ABadBlockStopsItsShardAloneAndIsNeverStored) {
    amp::testing::FakeSource source(499, 499);
    source.spoil(250);
    const auto done = run(source, options());
    ASSERT_FALSE(done.ok());
    EXPECT_THAT(done.error().message, HasSubstr("block 250"));
    std::uint64_t stored = 0;
    for (const auto& file : live()) {
        EXPECT_FALSE(file.range.contains(250));
        stored += file.range.size();
    }
    // Shards of 100 blocks on round edges: all but 250..299.
    EXPECT_EQ(stored, 450U);
}

TEST_F(DumpTest, CommitsWhatIsCompleteWhenStopped) {
    amp::testing::FakeSource source(999, 999);
    std::stop_source stop;
    source.before(150, [&] { stop.request_stop(); });
    auto dump_options = options();
    dump_options.parallelism = 1;
    dump_options.shard_blocks = 1000;
    const auto stopped = run(source, dump_options, stop.get_token());
    ASSERT_TRUE(stopped.ok()) << stopped.error().message;
    EXPECT_TRUE(stopped->stopped);
    EXPECT_EQ(stopped->blocks, 151U);
    ASSERT_TRUE(run(source, dump_options).ok());
    expect_chain(source, 999);
    EXPECT_EQ(source.delivered(), 1000U);
}

TEST_F(DumpTest, ARunThatLostItsLeaseCommitsNothingMore) {
    amp::testing::FakeSource source(499, 499);
    const auto owner = session("node");
    source.before(200, [&] {
        const std::string dead[] = {owner->session_id()};
        ASSERT_TRUE(store_->expire_workers(dead).ok());
    });
    auto dump_options = options();
    dump_options.parallelism = 1;
    const auto fenced = run_as(*owner, source, dump_options);
    ASSERT_FALSE(fenced.ok());
    EXPECT_EQ(fenced.error().reason, "FENCED");
    for (const auto& file : live()) EXPECT_LT(file.range.end, 200U);
    ASSERT_TRUE(run(source, dump_options).ok());
    expect_chain(source, 499);
}

TEST_F(DumpTest, ALiveOwnerKeepsItsDataset) {
    amp::testing::FakeSource source(9, 9);
    const auto owner = session("owner");
    catalog::NewJob job;
    job.dataset_id = dataset_.id;
    job.hash = dataset_.hash;
    job.descriptor = "{}";
    job.node_id = "owner";
    ASSERT_TRUE(store_->create_job(job).ok());
    const auto refused = run(source, options());
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().reason, "ACTIVE_JOB");
    EXPECT_THAT(refused.error().message, HasSubstr("is being written by job 1 on node owner"));
}

TEST_F(DumpTest, AWaitForASilentOwnerCanBeStopped) {
    amp::testing::FakeSource source(9, 9);
    catalog::NewWorker silent;
    silent.node_id = "owner";
    silent.session_id = "s";
    silent.kind = "dump";
    ASSERT_TRUE(store_->register_worker(silent, std::chrono::hours(1)).ok());
    catalog::NewJob job;
    job.dataset_id = dataset_.id;
    job.hash = dataset_.hash;
    job.descriptor = "{}";
    job.node_id = "owner";
    ASSERT_TRUE(store_->create_job(job).ok());
    std::stop_source stop;
    stop.request_stop();
    const auto stopped = run(source, options(), stop.get_token());
    ASSERT_FALSE(stopped.ok());
    EXPECT_EQ(stopped.error().code, Code::kCancelled);
}

TEST(ParseEndBlock, TakesTheDocumentedForms) {
    EXPECT_EQ(to_string(*parse_end_block("latest")), "latest");
    EXPECT_EQ(to_string(*parse_end_block("finalized")), "finalized");
    EXPECT_EQ(to_string(*parse_end_block("17")), "17");
    EXPECT_EQ(to_string(*parse_end_block("-100")), "-100");
    EXPECT_EQ(parse_end_block("none")->kind, EndBlock::Kind::kNone);
    for (const char* bad : {"x", "1x", "--5", "99999999999999999999999", "-"})
        EXPECT_EQ(parse_end_block(bad).error().code, Code::kInvalidArgument) << bad;
}

TEST(WorkerSession, KnowsItsOwnProcessIsAliveAndOthersAreNot) {
    EXPECT_FALSE(is_dead_local_process(describe_host()));
    std::string gone = describe_host();
    const auto at = gone.find("\"start_ticks\":\"");
    gone.insert(at + 15, "9");
    EXPECT_TRUE(is_dead_local_process(gone));
    EXPECT_FALSE(is_dead_local_process(R"({"hostname":"another-host","pid":1,"start_ticks":"1"})"));
    EXPECT_FALSE(is_dead_local_process("{}"));
}

}  // namespace
}  // namespace amp::jobs
