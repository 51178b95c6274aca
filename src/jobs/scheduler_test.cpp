// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "jobs/scheduler.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace amp::jobs {
namespace {

using catalog::Job;
using catalog::JobStatus;
using catalog::ScheduleView;
using catalog::Shard;
using catalog::ShardStatus;
using catalog::Worker;
using catalog::WorkerState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::int64_t kSecond = 1'000'000;

class SchedulerTest : public ::testing::Test {
  protected:
    SchedulerTest() { view_.now = 1'000 * kSecond; }

    // References stay good: the vectors never grow beyond this.
    void SetUp() override {
        view_.workers.reserve(1000);
        view_.jobs.reserve(1000);
        view_.shards.reserve(1000);
    }

    Worker& worker(const std::string& id, int slots = 4, const std::string& labels = "{}") {
        Worker row;
        row.node_id = id;
        row.session_id = "s-" + id;
        row.kind = "worker";
        row.slots = slots;
        row.labels = labels;
        row.heartbeat_at = view_.now - kSecond;
        return view_.workers.emplace_back(row);
    }

    Job& job(JobStatus status = JobStatus::kScheduled) {
        Job row;
        row.id = static_cast<std::int64_t>(view_.jobs.size()) + 1;
        row.kind = "raw";
        row.origin = "api";
        row.status = status;
        row.change_seq = 7;
        row.updated_at = view_.now - kSecond;
        return view_.jobs.emplace_back(row);
    }

    Shard& shard(const Job& job, BlockNum start = 0) {
        Shard row;
        row.id = static_cast<std::int64_t>(view_.shards.size()) + 100;
        row.job_id = job.id;
        row.start_block = start;
        row.end_block = start + 999;
        return view_.shards.emplace_back(row);
    }

    Shard& running(const Job& job, const Worker& on) {
        Shard& row = shard(job);
        row.status = ShardStatus::kRunning;
        row.epoch = 3;
        row.node_id = on.node_id;
        row.session_id = on.session_id;
        return row;
    }

    Shard& running_tip(const Job& job, const Worker& on) {
        Shard& row = running(job, on);
        row.kind = "tip";
        row.end_block.reset();
        return row;
    }

    template <typename T>
    std::vector<T> all() const {
        std::vector<T> found;
        for (const auto& action : step(view_, policy_))
            if (const auto* wanted = std::get_if<T>(&action)) found.push_back(*wanted);
        return found;
    }

    /// "<shard> <session>" in order.
    std::vector<std::string> placements() const {
        std::vector<std::string> out;
        for (const auto& assign : all<Assign>())
            out.push_back(fmt::format("{} {}", assign.shard_id, assign.session_id));
        return out;
    }

    /// "<job> FROM>TO reason" in order.
    std::vector<std::string> transitions() const {
        std::vector<std::string> out;
        for (const auto& change : all<Transition>())
            out.push_back(fmt::format("{} {}>{} {}", change.job_id, catalog::to_string(change.from),
                                      catalog::to_string(change.to), change.reason));
        return out;
    }

    ScheduleView view_;
    SchedulerPolicy policy_;
};

// ---- candidates ----

TEST_F(SchedulerTest, PlacesOnlyOnActiveFreshWorkersWithAFreeSlot) {
    worker("draining").state = WorkerState::kDraining;
    worker("silent").heartbeat_at = view_.now - 5 * kSecond - 1;
    worker("dump").kind = "dump";
    auto& full = worker("full", 1);
    auto& fresh = worker("fresh", 1);
    fresh.heartbeat_at = view_.now - 5 * kSecond;
    auto& busy = job(JobStatus::kRunning);
    running(busy, full);
    auto& waiting = job();
    shard(waiting, 0);
    shard(waiting, 1000);
    EXPECT_THAT(placements(), ElementsAre("101 s-fresh"));
}

TEST_F(SchedulerTest, ObeysSelectorAndGlob) {
    worker("eu-1", 4, R"({"region":"eu","disk":"fast"})");
    worker("eu-2", 4, R"({"region":"eu"})");
    worker("us-1", 4, R"({"region":"us","disk":"fast"})");
    worker("odd", 4, "not json");
    job().selector = R"({"region":"eu","disk":"fast"})";
    job().worker_glob = "us-?";
    job().worker_glob = "eu-2";
    job().worker_glob = "nobody";
    job().selector = R"(["region"])";
    job().selector = R"({"region":"asia"})";
    for (const auto& one : view_.jobs) shard(one);
    EXPECT_THAT(placements(), ElementsAre("100 s-eu-1", "101 s-us-1", "102 s-eu-2"));
    EXPECT_THAT(transitions(),
                ElementsAre("1 SCHEDULED>RUNNING ", "2 SCHEDULED>RUNNING ", "3 SCHEDULED>RUNNING ",
                            "4 SCHEDULED>SCHEDULED NO_WORKER", "5 SCHEDULED>SCHEDULED NO_WORKER",
                            "6 SCHEDULED>SCHEDULED NO_WORKER"));
}

TEST_F(SchedulerTest, TakesTheLeastLoadedThenTheFirstNodeId) {
    auto& b = worker("b", 4);
    worker("a", 4);
    auto& c = worker("c", 8);
    auto& busy = job(JobStatus::kRunning);
    running(busy, b);  // 0.25
    running(busy, c);  // 0.125
    auto& waiting = job();
    for (BlockNum start = 0; start < 4; ++start) shard(waiting, start * 1000);
    // a 0, c 0.125, then a 0.25, b 0.25 and c 0.25
    EXPECT_THAT(placements(), ElementsAre("102 s-a", "103 s-c", "104 s-a", "105 s-b"));
}

TEST_F(SchedulerTest, SpreadsEqualShardsEvenlyAndGivesANewWorkerTheNext) {
    worker("a", 8);
    worker("b", 8);
    auto& waiting = job();
    for (BlockNum start = 0; start < 8; ++start) shard(waiting, start);
    std::map<std::string, int> count;
    for (const auto& assign : all<Assign>()) ++count[assign.session_id];
    EXPECT_EQ(count["s-a"], 4);
    EXPECT_EQ(count["s-b"], 4);
    view_.shards.clear();
    for (const auto& at : view_.workers) {
        for (int i = 0; i < 4; ++i) running(waiting, at);
    }
    worker("c", 8);
    shard(waiting, 100);
    EXPECT_THAT(placements(), ElementsAre("108 s-c"));
    EXPECT_THAT(all<Release>(), IsEmpty()) << "a running range shard stays";
}

TEST_F(SchedulerTest, PreferredLabelsAndTheLastNodeLowerTheScore) {
    auto& a = worker("a", 10);
    auto& b = worker("b", 10, R"({"zone":"x"})");
    auto& busy = job(JobStatus::kRunning);
    running(busy, b);
    running(busy, b);  // 0.2 - 0.25 < 0
    auto& prefers = job();
    prefers.prefer = R"({"zone":"x","other":"y"})";
    auto& one = shard(prefers);
    EXPECT_THAT(placements(), ElementsAre("102 s-b"));
    running(busy, b);  // 0.3 - 0.25 > 0
    EXPECT_THAT(placements(), ElementsAre("102 s-a"));
    one.last_node = "b";  // 0.3 - 0.25 - 0.1 < 0
    EXPECT_THAT(placements(), ElementsAre("102 s-b"));
    prefers.prefer = "{}";
    EXPECT_THAT(placements(), ElementsAre("102 s-a"));
    running(busy, a);
    running(busy, a);  // 0.2 against 0.3 - 0.1: a tie, by node id
    EXPECT_THAT(placements(), ElementsAre("102 s-a"));
    running(busy, a);
    EXPECT_THAT(placements(), ElementsAre("102 s-b"));
}

// ---- order ----

TEST_F(SchedulerTest, OrdersByPriorityThenRunningShardsThenStartBlock) {
    auto& at = worker("a", 100);
    auto& low = job(JobStatus::kRunning);
    auto& high = job();
    high.priority = 5;
    auto& other = job();
    running(low, at);    // 100
    shard(low, 0);       // 101
    shard(other, 5000);  // 102
    shard(other, 4000);  // 103
    shard(high, 9000);   // 104
    shard(high, 8000);   // 105
    EXPECT_THAT(placements(), ElementsAre("105 s-a", "104 s-a", "103 s-a", "101 s-a", "102 s-a"));
}

TEST_F(SchedulerTest, KeepsParallelism) {
    auto& at = worker("a", 100);
    worker("b", 100, R"({"k":"v"})").slots = 3;
    auto& two = job(JobStatus::kRunning);
    two.parallelism = 2;
    running(two, at);
    auto& automatic = job();
    auto& matching = job();
    matching.selector = R"({"k":"v"})";
    std::map<std::int64_t, int> count;
    for (const auto& one : {two, automatic, matching}) {
        for (BlockNum start = 0; start < 30; ++start) shard(one, start);
    }
    const auto counted = [&] {
        count.clear();
        for (const auto& assign : all<Assign>()) ++count[assign.job_id];
    };
    counted();
    EXPECT_EQ(count[two.id], 1);
    EXPECT_EQ(count[automatic.id], 16);
    EXPECT_LE(count[matching.id], 3);
    policy_.parallelism = 5;
    counted();
    EXPECT_EQ(count[automatic.id], 5);
}

TEST_F(SchedulerTest, WaitsUntilAShardIsDue) {
    worker("a");
    auto& one = job(JobStatus::kRunning);
    shard(one, 0).not_before = view_.now + 3 * kSecond;
    shard(one, 1000).not_before = view_.now + 2 * kSecond;
    EXPECT_THAT(placements(), IsEmpty());
    const auto change = all<Transition>().at(0);
    EXPECT_EQ(change.to, JobStatus::kScheduled);
    EXPECT_EQ(change.reason, reason::kBackoff);
    EXPECT_EQ(change.retry_at, view_.now + 2 * kSecond);
    one.status = JobStatus::kScheduled;
    one.reason = reason::kBackoff;
    one.retry_at = change.retry_at;
    EXPECT_THAT(step(view_, policy_), IsEmpty()) << "said once";
    view_.now += 2 * kSecond;
    EXPECT_THAT(placements(), ElementsAre("101 s-a"));
}

TEST_F(SchedulerTest, LeavesJobsOfDumpsAlone) {
    auto& at = worker("a", 2);
    for (const auto status : {JobStatus::kScheduled, JobStatus::kRunning, JobStatus::kStopRequested}) {
        job(status).origin = "dump";
        shard(view_.jobs.back());
    }
    job(JobStatus::kRunning).origin = "dump";
    EXPECT_THAT(step(view_, policy_), IsEmpty());
    // What runs takes a slot all the same, even if its job has ended.
    running(view_.jobs.back(), at);
    Job ended;
    ended.id = 1000;
    running(ended, at);
    shard(job());
    EXPECT_THAT(placements(), IsEmpty());
}

// ---- shards that lost their workers ----

TEST_F(SchedulerTest, AShardThatCrashedOnceSharesNoWorkerWithAnother) {
    auto& a = worker("a", 9);
    worker("b", 9);
    auto& busy = job(JobStatus::kRunning);
    running(busy, a).crashes = 1;
    auto& waiting = job(JobStatus::kRunning);
    for (BlockNum start = 0; start < 3; ++start) shard(waiting, start).crashes = 1;
    shard(waiting, 9);
    EXPECT_THAT(placements(), ElementsAre("101 s-b", "104 s-a"));
}

TEST_F(SchedulerTest, AShardThatCrashedTwiceRunsAlone) {
    auto& a = worker("a", 4);
    auto& waiting = job(JobStatus::kRunning);
    auto& twice = shard(waiting);
    twice.crashes = 2;
    for (BlockNum start = 1; start < 4; ++start) shard(waiting, start);
    EXPECT_THAT(placements(), ElementsAre("100 s-a")) << "and keeps the others off";
    twice.status = ShardStatus::kRunning;
    twice.session_id = a.session_id;
    EXPECT_THAT(placements(), IsEmpty());
}

TEST_F(SchedulerTest, AWorkerIsKeptFreeForAShardThatMustBeAlone) {
    auto& a = worker("a", 4);
    auto& b = worker("b", 4);
    auto& busy = job(JobStatus::kRunning);
    running(busy, a);
    running(busy, a);
    auto& range = running(busy, b);
    auto& follower = job(JobStatus::kRunning);
    auto& tip = running_tip(follower, b);
    auto& waiting = job(JobStatus::kRunning);
    shard(waiting).crashes = 2;
    shard(waiting, 1);
    EXPECT_THAT(placements(), ElementsAre("105 s-a")) << "b has the fewest ranges and gets no more";
    EXPECT_THAT(all<Release>(), IsEmpty());
    range.status = ShardStatus::kDone;
    const auto released = all<Release>();
    ASSERT_EQ(released.size(), 1U) << "what has no end is sent elsewhere";
    EXPECT_EQ(released[0].fence.shard_id, tip.id);
    EXPECT_EQ(released[0].fence.epoch, 3);
    EXPECT_EQ(released[0].fence.session_id, "s-b");
    tip.status = ShardStatus::kPending;
    tip.last_node = "b";
    EXPECT_THAT(placements(), UnorderedElementsAre("104 s-b", "105 s-a", "103 s-a"));
}

TEST_F(SchedulerTest, PoisonFailsItsJobAndNoOther) {
    worker("a");
    auto& bad = job(JobStatus::kRunning);
    auto& good = job();
    auto& poison = shard(bad, 5000);
    poison.crashes = 3;
    poison.epoch = 9;
    shard(bad, 0);
    shard(good);
    EXPECT_THAT(placements(), ElementsAre("102 s-a"));
    const auto failed = all<FailShard>();
    ASSERT_EQ(failed.size(), 1U);
    EXPECT_EQ(failed[0].shard_id, poison.id);
    EXPECT_EQ(failed[0].epoch, 9);
    EXPECT_THAT(failed[0].error_json, HasSubstr(R"("error_code":"POISON_SHARD")"));
    EXPECT_THAT(failed[0].error_json, HasSubstr("blocks 5000 to 5999"));
    EXPECT_THAT(transitions(), ElementsAre("1 RUNNING>FAILED POISON_SHARD", "2 SCHEDULED>RUNNING "));
    EXPECT_EQ(all<CancelPending>().at(0).job_id, bad.id);
    // The first half of that was done, then the scheduler died.
    poison.status = ShardStatus::kFailed;
    EXPECT_THAT(all<FailShard>(), IsEmpty());
    EXPECT_THAT(transitions(), ElementsAre("1 RUNNING>FAILED POISON_SHARD", "2 SCHEDULED>RUNNING "));
}

// ---- states of jobs ----

TEST_F(SchedulerTest, AFailedShardFailsItsJob) {
    worker("a");
    auto& one = job(JobStatus::kRunning);
    auto& failed = shard(one);
    failed.status = ShardStatus::kFailed;
    failed.last_error = R"({"error_code":"CORRUPTED_TABLE"})";
    shard(one, 1000);
    EXPECT_THAT(placements(), IsEmpty());
    EXPECT_THAT(transitions(), ElementsAre("1 RUNNING>FAILED SHARD_FAILED"));
    EXPECT_EQ(all<Transition>()[0].error_json, failed.last_error);
    EXPECT_EQ(all<CancelPending>().size(), 1U);
}

TEST_F(SchedulerTest, AttemptsAreBoundedByTheJob) {
    worker("a");
    auto& unbounded = job();
    auto& bounded = job();
    bounded.max_attempts = 4;
    shard(unbounded).attempts = 100;
    auto& tried = shard(bounded);
    tried.attempts = 3;
    EXPECT_THAT(placements(), ElementsAre("100 s-a", "101 s-a"));
    tried.attempts = 4;
    EXPECT_THAT(placements(), ElementsAre("100 s-a"));
    EXPECT_THAT(all<FailShard>().at(0).error_json, HasSubstr("failed 4 times"));
    EXPECT_THAT(transitions(), ElementsAre("2 SCHEDULED>FAILED ATTEMPTS_EXHAUSTED", "1 SCHEDULED>RUNNING "));
}

TEST_F(SchedulerTest, AStopEndsWhenNothingRuns) {
    auto& at = worker("a");
    auto& asked = job(JobStatus::kStopRequested);
    auto& last = running(asked, at);
    job(JobStatus::kStopping);
    shard(view_.jobs.back());
    EXPECT_THAT(transitions(), ElementsAre("2 STOPPING>STOPPED "));
    EXPECT_EQ(all<CancelPending>().at(0).job_id, 2);
    EXPECT_THAT(placements(), IsEmpty());
    last.status = ShardStatus::kCancelled;
    EXPECT_THAT(transitions(), ElementsAre("1 STOP_REQUESTED>STOPPED ", "2 STOPPING>STOPPED "));
}

TEST_F(SchedulerTest, AJobThatRunsNowhereSaysWhy) {
    worker("draining").state = WorkerState::kDraining;
    auto& drained = job(JobStatus::kRunning);
    shard(drained).last_node = "draining";
    auto& lost = job(JobStatus::kRunning);
    shard(lost).last_node = "gone";
    view_.shards.back().crashes = 1;
    auto& plain = job(JobStatus::kRunning);
    shard(plain);
    EXPECT_THAT(transitions(), ElementsAre("1 RUNNING>SCHEDULED DRAINED", "2 RUNNING>SCHEDULED WORKER_LOST",
                                           "3 RUNNING>SCHEDULED NO_WORKER"));
    drained.status = lost.status = plain.status = JobStatus::kScheduled;
    drained.reason = reason::kDrained;
    lost.reason = reason::kWorkerLost;
    plain.reason = reason::kNoWorker;
    EXPECT_THAT(step(view_, policy_), IsEmpty());
    worker("new");
    EXPECT_THAT(transitions(),
                ElementsAre("1 SCHEDULED>RUNNING ", "2 SCHEDULED>RUNNING ", "3 SCHEDULED>RUNNING "));
}

TEST_F(SchedulerTest, AJobWhoseShardsMoveAtOnceStaysRunning) {
    worker("a");
    auto& one = job(JobStatus::kRunning);
    shard(one).crashes = 1;
    EXPECT_EQ(placements().size(), 1U);
    EXPECT_THAT(transitions(), IsEmpty());
}

TEST_F(SchedulerTest, AScheduledJobWithARunningShardIsRepaired) {
    auto& at = worker("a");
    running(job(), at);
    EXPECT_THAT(transitions(), ElementsAre("1 SCHEDULED>RUNNING "));
}

TEST_F(SchedulerTest, PlansAJobWithoutShardsOnceAtATime) {
    job();
    job(JobStatus::kRunning);
    auto& waits = job();
    waits.retry_at = view_.now + kSecond;
    auto& planned = job();
    planned.reason = reason::kPlanning;
    const auto plans = [&] {
        std::vector<std::int64_t> ids;
        for (const auto& plan : all<Plan>()) ids.push_back(plan.job_id);
        return ids;
    };
    EXPECT_THAT(plans(), ElementsAre(1, 2));
    EXPECT_EQ(all<Plan>()[0].change_seq, 7);
    EXPECT_EQ(all<Plan>()[1].from, JobStatus::kRunning);
    view_.now += policy_.plan_patience.count();
    EXPECT_THAT(plans(), ElementsAre(1, 2, 3, 4)) << "a planner that died is replaced";
    planned.updated_at = view_.now;
    policy_.plans_max = 2;
    EXPECT_THAT(plans(), ElementsAre(1)) << "one is under way";
}

TEST_F(SchedulerTest, ForeignReasonsOfARunningJobStay) {
    auto& at = worker("a");
    auto& one = job(JobStatus::kRunning);
    running(one, at);
    one.reason = "DEGRADED";
    EXPECT_THAT(step(view_, policy_), IsEmpty());
    one.reason = reason::kPlanning;
    EXPECT_THAT(transitions(), ElementsAre("1 RUNNING>RUNNING "));
}

// ---- tip shards ----

TEST_F(SchedulerTest, ATipMovesAfterAMinuteOfImbalance) {
    auto& a = worker("a", 8);
    worker("b", 8);
    auto& first = job(JobStatus::kRunning);
    running_tip(first, a);
    EXPECT_THAT(step(view_, policy_), IsEmpty()) << "a difference of one";
    auto& other = running_tip(job(JobStatus::kRunning), a);
    EXPECT_THAT(transitions(), ElementsAre("1 RUNNING>RUNNING UNBALANCED"));
    EXPECT_THAT(all<Release>(), IsEmpty());
    first.reason = reason::kUnbalanced;
    first.updated_at = view_.now;
    const auto later = [&](std::int64_t seconds) {
        view_.now += seconds * kSecond;
        for (auto& at : view_.workers) at.heartbeat_at = view_.now;
    };
    later(59);
    EXPECT_THAT(step(view_, policy_), IsEmpty());
    later(1);
    EXPECT_EQ(all<Release>().at(0).fence.shard_id, 100);
    EXPECT_THAT(transitions(), ElementsAre("1 RUNNING>RUNNING ")) << "the mark goes";
    other.status = ShardStatus::kDone;
    EXPECT_THAT(all<Release>(), IsEmpty()) << "balanced again in time";
    EXPECT_THAT(transitions(), testing::Contains("1 RUNNING>RUNNING "));
}

TEST_F(SchedulerTest, ATipGoesOnlyWhereItWouldStay) {
    auto& a = worker("a", 8, R"({"zone":"x"})");
    worker("b", 8);
    auto& one = job(JobStatus::kRunning);
    one.prefer = R"({"zone":"x"})";
    running_tip(one, a);
    auto& two = job(JobStatus::kRunning);
    two.worker_glob = "a";
    running_tip(two, a);
    auto& ranges = job(JobStatus::kRunning);
    running(ranges, a);
    EXPECT_THAT(step(view_, policy_), IsEmpty());
}

TEST_F(SchedulerTest, OneIdleWorkerDoesNotUnsettleAllOthers) {
    for (int i = 0; i < 10; ++i) {
        auto& at = worker(fmt::format("w{}", i), 8);
        for (int k = 0; k < 3; ++k) running_tip(job(JobStatus::kRunning), at);
    }
    worker("x", 8);
    EXPECT_EQ(transitions().size(), 2U) << "x would have two then, the others three or two";
}

// ---- bounds ----

TEST_F(SchedulerTest, AStepIsBoundedAndSaysNothingOfWhatItDidNotReach) {
    worker("a", 500);
    policy_.placements_max = 10;
    policy_.transitions_max = 3;
    policy_.plans_max = 2;
    for (int i = 0; i < 50; ++i) shard(job());
    for (int i = 0; i < 50; ++i) job();
    for (int i = 0; i < 50; ++i) job(JobStatus::kStopping);
    EXPECT_EQ(all<Assign>().size(), 10U);
    EXPECT_EQ(all<Plan>().size(), 2U);
    const auto changes = transitions();
    EXPECT_EQ(changes.size(), 10U + 3U) << "each placed job starts, three stop";
    EXPECT_THAT(changes, Not(testing::Contains(HasSubstr("NO_WORKER"))));
}

TEST_F(SchedulerTest, EqualViewsGiveEqualActions) {
    for (int i = 0; i < 20; ++i) worker(fmt::format("w{}", 20 - i), 3);
    for (int i = 0; i < 60; ++i) shard(job(), static_cast<BlockNum>(i % 7));
    const auto before = placements();
    std::reverse(view_.workers.begin(), view_.workers.end());
    std::reverse(view_.jobs.begin(), view_.jobs.end());
    std::reverse(view_.shards.begin(), view_.shards.end());
    EXPECT_EQ(placements(), before);
    EXPECT_EQ(before.size(), 60U);
}

TEST(SchedulerSpeed, AStepOverAThousandWorkersAndTwentyThousandShards) {
    ScheduleView view;
    view.now = kSecond;
    for (int i = 0; i < 1000; ++i) {
        Worker worker;
        worker.node_id = fmt::format("worker-{:04}", i);
        worker.session_id = fmt::format("session-{:04}", i);
        worker.kind = "worker";
        worker.slots = 16;
        worker.labels = fmt::format(R"({{"zone":"{}","disk":"fast"}})", i % 4);
        worker.heartbeat_at = view.now;
        view.workers.push_back(worker);
    }
    for (int i = 0; i < 20'000; ++i) {
        Job job;
        if (i < 5000) {
            job.id = i;
            job.origin = "api";
            job.selector = i % 3 == 0 ? fmt::format(R"({{"zone":"{}"}})", i % 4) : "{}";
            job.prefer = i % 5 == 0 ? R"({"disk":"fast"})" : "{}";
            job.worker_glob = i % 7 == 0 ? "worker-0*" : "";
            view.jobs.push_back(job);
        }
        Shard shard;
        shard.id = i;
        shard.job_id = i % 5000;
        shard.start_block = static_cast<BlockNum>(i) * 1000;
        shard.end_block = shard.start_block + 999;
        shard.crashes = i % 50 == 0 ? 1 : 0;
        shard.last_node = i % 2 == 0 ? fmt::format("worker-{:04}", i % 1000) : "";
        view.shards.push_back(shard);
    }
    SchedulerPolicy policy;
    policy.placements_max = 20'000;
    // Placing each shard against every worker would take minutes here.
    EXPECT_GT(step(view, policy).size(), 15'000U);
}

}  // namespace
}  // namespace amp::jobs
