// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "jobs/shard_runner.hpp"

#include "base/log.hpp"
#include "runtime/bounded_queue.hpp"
#include "runtime/wait.hpp"

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <mutex>
#include <thread>
#include <utility>

namespace amp::jobs {
namespace {

using Clock = std::chrono::steady_clock;

// Rows go to the encoder when a table has this much.
constexpr std::int64_t kBatchRows = 16'384;
constexpr std::int64_t kBatchBytes = 8LL << 20;
constexpr std::size_t kQueueBatches = 4;
constexpr std::uint64_t kSegmentBlocksMax = 1'000'000;
// Blocks above finality live in small segments, so that a reorg rewrites few of them.
constexpr std::uint64_t kTipSegmentBlocksMax = 32;
constexpr std::chrono::milliseconds kOutageRetry{1'000};

struct TableBatch {
    std::size_t table = 0;
    std::shared_ptr<arrow::RecordBatch> batch;
};

// What the encoder does next: write rows and, if the group closes, commit it.
struct EncodeStep {
    std::vector<TableBatch> batches;
    std::optional<GroupFacts> close;
};

// The encoder's side: owns the open group and is the only one that commits.
class GroupCommitter {
  public:
    GroupCommitter(catalog::MetaStore& store, storage::ObjectStore& objects, const GroupTarget& target,
                   const ShardTask& task, std::chrono::milliseconds outage_max, RunTotals& totals,
                   std::stop_token stop)
        : store_(store),
          objects_(objects),
          target_(target),
          task_(task),
          outage_max_(outage_max),
          totals_(totals),
          stop_(std::move(stop)),
          next_block_(task.range.start),
          superseded_(task.superseded) {}

    Result<> run(EncodeStep step) {
        if (!group_) group_.emplace(objects_, target_, task_.tables, next_block_);
        for (const auto& part : step.batches) TRY(group_->write(part.table, part.batch));
        group_bytes_ = group_->bytes_max();
        if (!step.close) return {};
        TRY(commit(*step.close));
        group_.reset();
        group_bytes_ = 0;
        return {};
    }

    BlockNum next_block() const { return next_block_; }
    /// Encoded bytes of the open group's largest table. Threads: any.
    std::int64_t group_bytes() const { return group_bytes_; }

  private:
    Result<> commit(const GroupFacts& facts) {
        catalog::GroupCommit commit;
        TRY_ASSIGN(commit.files, group_->publish(facts));
        commit.fence = task_.fence;
        commit.next_block = facts.range.end + 1;
        commit.superseded = superseded_;
        for (const auto& file : commit.files) {
            commit.rows += file.rows;
            commit.bytes += file.bytes;
        }
        if (auto committed = commit_patiently(commit); !committed.ok()) {
            // Only a refusal proves that no row names these objects.
            if (committed.error().reason == "FENCED") group_->discard();
            return committed;
        }
        superseded_.clear();
        next_block_ = commit.next_block;
        totals_.blocks += facts.blocks;
        totals_.rows += static_cast<std::uint64_t>(commit.rows);
        totals_.files += commit.files.size();
        totals_.bytes += static_cast<std::uint64_t>(commit.bytes);
        log::debug("jobs", "segment committed",
                   {{"dataset", target_.dataset},
                    {"range", to_string(facts.range)},
                    {"rows", commit.rows},
                    {"bytes", commit.bytes},
                    {"shard", task_.fence.shard_id},
                    {"epoch", task_.fence.epoch}});
        return {};
    }

    // A group that is written outlives an outage of the metadata store; what follows waits behind it.
    Result<> commit_patiently(catalog::GroupCommit& commit) {
        const auto deadline = Clock::now() + outage_max_;
        for (bool told = false;; told = true) {
            const auto committed = store_.commit_group(commit);
            if (committed.ok()) return {};
            if (committed.error().code != Code::kUnavailable || Clock::now() > deadline)
                return committed.error();
            if (!told)
                log::warn("jobs", "the metadata store cannot be reached; a finished segment waits for it",
                          {{"dataset", target_.dataset}, {"err", committed.error().message}});
            commit.in_doubt = true;
            if (!runtime::wait_for(kOutageRetry, stop_)) return committed.error();
        }
    }

    catalog::MetaStore& store_;
    storage::ObjectStore& objects_;
    const GroupTarget& target_;
    const ShardTask& task_;
    const std::chrono::milliseconds outage_max_;
    RunTotals& totals_;
    const std::stop_token stop_;
    BlockNum next_block_;
    std::vector<std::int64_t> superseded_;
    std::optional<GroupWriter> group_;
    std::atomic<std::int64_t> group_bytes_ = 0;
};

// The caller's side: blocks into builders, builders into steps, and when a group closes.
class ShardReader {
  public:
    ShardReader(std::unique_ptr<extract::BlockStream> stream, const GroupTarget& target,
                const ShardTask& task, const ShardLimits& limits, runtime::ProgressCounters& progress,
                const GroupCommitter& committer, runtime::BoundedQueue<EncodeStep>& queue,
                std::stop_token encoder_gone)
        : stream_(std::move(stream)),
          target_(target),
          task_(task),
          limits_(limits),
          progress_(progress),
          committer_(committer),
          queue_(queue),
          encoder_gone_(std::move(encoder_gone)) {
        reset_group();
    }

    // Reads to the end of the range, the stop or an error; always closes the open group.
    std::optional<Error> run(std::stop_token stop) {
        std::optional<Error> failure;
        while (!encoder_gone_.stop_requested()) {
            auto delivered = stream_->next(stop);
            if (!delivered.ok()) {
                failure = std::move(delivered).error();
                break;
            }
            if (!delivered->has_value()) break;
            if (auto taken = take(**delivered); !taken.ok()) {
                failure = std::move(taken).error();
                break;
            }
        }
        if (facts_.blocks > 0)
            if (auto closed = close(); !closed.ok() && !failure) failure = std::move(closed).error();
        return failure;
    }

    std::uint64_t delivered() const { return delivered_; }

  private:
    void reset_group() {
        facts_ = {};
        facts_.overflows.assign(target_.tables.size(), 0);
        opened_ = Clock::now();
    }

    bool is_final(BlockNum block) const { return task_.final_height && block <= *task_.final_height; }

    Result<> take(const extract::DeliveredBlock& block) {
        // The group's range also covers numbers that the chain left out before this block.
        const BlockNum number = block.ref.number;
        if (facts_.blocks == 0) {
            facts_.range.start = first_group_ ? task_.range.start : next_start_;
            facts_.prev_hash = block.ref.parent_hash;
            facts_.final = is_final(number);
        }
        facts_.range.end = number;
        facts_.hash = block.ref.hash;
        facts_.timestamp = block.ref.timestamp;
        ++facts_.blocks;
        for (const auto& check : block.checks) {
            auto& counts = facts_.verify[std::string(check.check)];
            ++(check.outcome == extract::CheckOutcome::kOk ? counts.ok : counts.unverifiable);
        }
        progress_.bytes += block.payload_bytes;
        ++progress_.done;
        ++delivered_;
        const bool last = number == task_.range.end;
        if (last || group_is_full(number)) return close();
        if (!batch_is_full()) return {};
        TRY_ASSIGN(auto batches, take_batches());
        return push({std::move(batches), std::nullopt});
    }

    bool group_is_full(BlockNum number) const {
        const std::uint64_t blocks_max = facts_.final ? kSegmentBlocksMax : kTipSegmentBlocksMax;
        const auto flush =
            first_group_ ? std::min(task_.first_flush, limits_.flush_interval) : limits_.flush_interval;
        return facts_.blocks >= blocks_max || facts_.final != is_final(number + 1) ||
               committer_.group_bytes() >= limits_.segment_bytes || Clock::now() - opened_ >= flush;
    }

    bool batch_is_full() const {
        std::int64_t bytes = 0;
        for (const auto& table : target_.tables) {
            const auto& builder = stream_->builder(table.spec->name);
            if (builder.rows() >= kBatchRows) return true;
            bytes += builder.bytes();
        }
        return bytes >= kBatchBytes;
    }

    Result<std::vector<TableBatch>> take_batches() {
        std::vector<TableBatch> batches;
        for (std::size_t i = 0; i < target_.tables.size(); ++i) {
            auto& builder = stream_->builder(target_.tables[i].spec->name);
            if (builder.rows() == 0) continue;
            TRY_ASSIGN(auto batch, builder.take());
            facts_.overflows[i] += builder.take_overflows();
            batches.push_back({i, std::move(batch)});
        }
        return batches;
    }

    Result<> push(EncodeStep step) {
        if (!queue_.push(std::move(step), encoder_gone_))
            return Error{Code::kCancelled, "the encoder ended", {}};
        return {};
    }

    Result<> close() {
        TRY_ASSIGN(auto batches, take_batches());
        next_start_ = facts_.range.end + 1;
        first_group_ = false;
        EncodeStep step{std::move(batches), std::move(facts_)};
        reset_group();
        return push(std::move(step));
    }

    std::unique_ptr<extract::BlockStream> stream_;
    const GroupTarget& target_;
    const ShardTask& task_;
    const ShardLimits& limits_;
    runtime::ProgressCounters& progress_;
    const GroupCommitter& committer_;
    runtime::BoundedQueue<EncodeStep>& queue_;
    const std::stop_token encoder_gone_;
    GroupFacts facts_;
    Clock::time_point opened_;
    BlockNum next_start_ = 0;
    std::uint64_t delivered_ = 0;
    bool first_group_ = true;
};

}  // namespace

ShardOutcome run_shard(extract::BlockSource& source, catalog::MetaStore& store, storage::ObjectStore& objects,
                       const GroupTarget& target, const ShardTask& task, const ShardLimits& limits,
                       runtime::ProgressCounters& progress, RunTotals& totals, std::stop_token stop) {
    extract::StreamOptions stream_options;
    for (const auto& table : target.tables) stream_options.tables.emplace_back(table.spec->name);
    stream_options.verify = limits.verify;
    stream_options.inflight_bytes = limits.inflight_bytes;
    auto stream = source.stream(task.range, stream_options);
    if (!stream.ok()) return {task.range.start, std::move(stream).error()};

    runtime::BoundedQueue<EncodeStep> queue(kQueueBatches);
    GroupCommitter committer(store, objects, target, task, limits.outage_max, totals, stop);
    std::stop_source encoder_gone;
    std::optional<Error> encode_failure;
    std::optional<Error> read_failure;
    std::uint64_t delivered = 0;
    {
        std::jthread encoder([&] {
            const std::stop_token drain;  // ends when the queue is closed and empty
            while (auto step = queue.pop(drain)) {
                if (auto done = committer.run(std::move(*step)); !done.ok()) {
                    encode_failure = std::move(done).error();
                    encoder_gone.request_stop();
                    return;
                }
            }
        });
        ShardReader reader(std::move(*stream), target, task, limits, progress, committer, queue,
                           encoder_gone.get_token());
        read_failure = reader.run(stop);
        delivered = reader.delivered();
        queue.close();
    }
    // What was read but not committed will be read again.
    progress.done -= delivered - (committer.next_block() - task.range.start);
    return {committer.next_block(), encode_failure ? encode_failure : read_failure};
}

}  // namespace amp::jobs
