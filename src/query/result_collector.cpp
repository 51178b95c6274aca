// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/result_collector.hpp"

#include "query/wire_writer.hpp"

#include <arrow/type.h>
#include <duckdb/execution/operator/helper/physical_result_collector.hpp>
#include <duckdb/execution/physical_plan_generator.hpp>
#include <duckdb/main/client_config.hpp>
#include <duckdb/main/prepared_statement_data.hpp>

namespace amp::query {
namespace {

// Wire reference 2.5 and 2.7.
constexpr std::int64_t kBatchRows = 32'768;
constexpr std::int64_t kBatchBytes = 1 << 20;
constexpr std::chrono::milliseconds kRowsWait{100};

/// How the rows keep their order.
enum class Order {
    kNone,       // they have none
    kBySource,   // the engine's batch index tells
    kOneThread,  // nothing tells: one thread after the other
};

Order order_of(duckdb::ClientContext& context, duckdb::PhysicalOperator& plan) {
    if (!duckdb::PhysicalPlanGenerator::PreserveInsertionOrder(context, plan)) return Order::kNone;
    return duckdb::PhysicalPlanGenerator::UseBatchIndex(context, plan) ? Order::kBySource : Order::kOneThread;
}

struct CollectorState final : duckdb::GlobalSinkState {
    explicit CollectorState(duckdb::ClientContext& client) : context(client) {}
    duckdb::ClientContext& context;
};

struct ThreadState final : duckdb::LocalSinkState {
    ThreadState(const std::shared_ptr<arrow::Schema>& schema,
                const duckdb::vector<duckdb::LogicalType>& types)
        : writer(schema, types) {}

    BatchWriter writer;
    std::chrono::steady_clock::time_point first_row;
    duckdb::idx_t index = 0;  // of the rows in `writer`
};

class RecordBatchCollector final : public duckdb::PhysicalResultCollector {
  public:
    RecordBatchCollector(duckdb::ClientContext& context, duckdb::PreparedStatementData& data,
                         std::shared_ptr<ResultQueue> queue, std::shared_ptr<arrow::Schema> schema,
                         duckdb::vector<duckdb::LogicalType> exported)
        : PhysicalResultCollector(*data.physical_plan, data),
          order_(order_of(context, data.physical_plan->Root())),
          queue_(std::move(queue)),
          schema_(std::move(schema)),
          exported_(std::move(exported)) {}

    bool ParallelSink() const override { return order_ != Order::kOneThread; }
    bool SinkOrderDependent() const override { return order_ != Order::kNone; }
    duckdb::OperatorPartitionInfo RequiredPartitionInfo() const override {
        return order_ == Order::kBySource ? duckdb::OperatorPartitionInfo::BatchIndex()
                                          : duckdb::OperatorPartitionInfo::NoPartitionInfo();
    }

    duckdb::unique_ptr<duckdb::GlobalSinkState> GetGlobalSinkState(
        duckdb::ClientContext& context) const override {
        return duckdb::make_uniq<CollectorState>(context);
    }
    duckdb::unique_ptr<duckdb::LocalSinkState> GetLocalSinkState(duckdb::ExecutionContext&) const override {
        return duckdb::make_uniq<ThreadState>(schema_, exported_);
    }

    duckdb::SinkResultType Sink(duckdb::ExecutionContext& context, duckdb::DataChunk& chunk,
                                duckdb::OperatorSinkInput& input) const override {
        auto& state = input.local_state.Cast<ThreadState>();
        if (queue_->is_closed()) return duckdb::SinkResultType::FINISHED;
        state.index = index_of(state);
        advance(state);
        // Refused, the engine brings the same chunk again.
        if (!queue_->admit(state.index, input.interrupt_state)) return duckdb::SinkResultType::BLOCKED;
        BatchWriter& writer = state.writer;
        if (writer.rows() == 0) state.first_row = std::chrono::steady_clock::now();
        if (auto appended = writer.append(context.client, chunk); !appended.ok()) {
            queue_->fail(std::move(appended).error());
            return duckdb::SinkResultType::FINISHED;
        }
        if (writer.rows() >= kBatchRows || writer.bytes() >= kBatchBytes ||
            std::chrono::steady_clock::now() - state.first_row >= kRowsWait)
            flush(state);
        return duckdb::SinkResultType::NEED_MORE_INPUT;
    }

    duckdb::SinkNextBatchType NextBatch(duckdb::ExecutionContext&,
                                        duckdb::OperatorSinkNextBatchInput& input) const override {
        auto& state = input.local_state.Cast<ThreadState>();
        flush(state);
        advance(state);
        return duckdb::SinkNextBatchType::READY;
    }

    duckdb::SinkCombineResultType Combine(duckdb::ExecutionContext&,
                                          duckdb::OperatorSinkCombineInput& input) const override {
        auto& state = input.local_state.Cast<ThreadState>();
        flush(state);
        advance(state);
        return duckdb::SinkCombineResultType::FINISHED;
    }

    duckdb::SinkFinalizeType Finalize(duckdb::Pipeline&, duckdb::Event&, duckdb::ClientContext&,
                                      duckdb::OperatorSinkFinalizeInput&) const override {
        queue_->complete();
        return duckdb::SinkFinalizeType::READY;
    }

    /// The engine wants one; it is empty.
    duckdb::unique_ptr<duckdb::QueryResult> GetResult(duckdb::GlobalSinkState& state) const override {
        auto& context = state.Cast<CollectorState>().context;
        return duckdb::make_uniq<duckdb::MaterializedQueryResult>(
            statement_type, properties, names, CreateCollection(context), context.GetClientProperties());
    }

  private:
    duckdb::idx_t index_of(const ThreadState& state) const {
        return order_ == Order::kBySource ? state.partition_info.batch_index.GetIndex() : 0;
    }

    void advance(const ThreadState& state) const {
        if (order_ == Order::kBySource) queue_->advance(state.partition_info.min_batch_index.GetIndex());
    }

    void flush(ThreadState& state) const {
        if (state.writer.rows() == 0) return;
        auto batch = state.writer.finish();
        if (batch.ok())
            queue_->push(state.index, *std::move(batch));
        else
            queue_->fail(std::move(batch).error());
    }

    const Order order_;
    const std::shared_ptr<ResultQueue> queue_;
    const std::shared_ptr<arrow::Schema> schema_;
    const duckdb::vector<duckdb::LogicalType> exported_;
};

}  // namespace

void collect_into(duckdb::Connection& connection, std::shared_ptr<ResultQueue> queue,
                  std::shared_ptr<arrow::Schema> schema, duckdb::vector<duckdb::LogicalType> exported) {
    duckdb::ClientConfig::GetConfig(*connection.context).get_result_collector =
        [queue = std::move(queue), schema = std::move(schema), exported = std::move(exported)](
            duckdb::ClientContext& context, duckdb::PreparedStatementData& data) {
            return duckdb::make_uniq_base<duckdb::PhysicalOperator, RecordBatchCollector>(
                context, data, queue, schema, exported);
        };
}

}  // namespace amp::query
