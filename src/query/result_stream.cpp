// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/result_stream.hpp"

#include "query/query_error.hpp"
#include "query/wire_types.hpp"

#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <duckdb/common/arrow/arrow_appender.hpp>
#include <duckdb/common/arrow/arrow_converter.hpp>
#include <duckdb/main/pending_query_result.hpp>

#include <deque>

namespace amp::query {
namespace {

// Wire reference 2.5 and 2.7.
constexpr std::int64_t kBatchRows = 32'768;
constexpr std::int64_t kBatchBytes = 1 << 20;
constexpr std::int64_t kMessageBytes = 2 << 20;
constexpr std::chrono::milliseconds kRowsWait{100};

/// About the bytes of the first `count` values in Arrow form.
std::int64_t estimate_bytes(duckdb::Vector& vector, duckdb::idx_t count) {
    const auto type = vector.GetType().InternalType();
    const auto rows = static_cast<std::int64_t>(count);
    if (count == 0) return 0;
    switch (type) {
        case duckdb::PhysicalType::VARCHAR: {
            duckdb::UnifiedVectorFormat format;
            vector.ToUnifiedFormat(count, format);
            const auto* values = duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(format);
            std::int64_t bytes = 4 * rows;
            for (duckdb::idx_t i = 0; i < count; ++i) {
                const duckdb::idx_t at = format.sel->get_index(i);
                if (format.validity.RowIsValid(at)) bytes += values[at].GetSize();
            }
            return bytes;
        }
        case duckdb::PhysicalType::LIST: {
            // The child holds at least what the rows show; a list repeated by a selection counts once.
            vector.Flatten(count);
            return 4 * rows + estimate_bytes(duckdb::ListVector::GetEntry(vector),
                                             duckdb::ListVector::GetListSize(vector));
        }
        case duckdb::PhysicalType::STRUCT: {
            vector.Flatten(count);
            std::int64_t bytes = rows / 8;
            for (auto& member : duckdb::StructVector::GetEntries(vector))
                bytes += estimate_bytes(*member, count);
            return bytes;
        }
        case duckdb::PhysicalType::ARRAY:
            vector.Flatten(count);
            return estimate_bytes(duckdb::ArrayVector::GetEntry(vector),
                                  count * duckdb::ArrayType::GetSize(vector.GetType()));
        default:
            return rows * static_cast<std::int64_t>(duckdb::GetTypeIdSize(type));
    }
}

class ResultStream final : public QueryStream {
  public:
    ResultStream(PlannedQuery query, std::shared_ptr<QueryControl> control)
        : query_(std::move(query)), control_(std::move(control)) {}

    std::shared_ptr<arrow::Schema> schema() const override { return query_.schema; }
    const std::vector<NetworkRange>& ranges() const override { return query_.ranges; }
    void cancel() override { control_->cancel(); }

    Result<std::shared_ptr<arrow::RecordBatch>> next() override {
        if (failure_) return *failure_;
        // A deadline that passes after the last batch was taken changes nothing.
        if (is_done_ && ready_.empty()) return std::shared_ptr<arrow::RecordBatch>();
        if (control_->is_stopped()) return fail(control_->error());
        if (ready_.empty()) {
            try {
                TRY(start());
                if (auto filled = fill(); !filled.ok()) return fail(std::move(filled).error());
            } catch (const std::exception&) {
                return fail(current_error(Stage::kRun, nullptr));
            }
        }
        if (ready_.empty()) return std::shared_ptr<arrow::RecordBatch>();
        auto batch = std::move(ready_.front());
        ready_.pop_front();
        return batch;
    }

  private:
    Error fail(Error error) {
        // Whatever the engine says after an interrupt, the interrupt is the reason.
        if (control_->is_stopped()) error = control_->error();
        failure_ = error;
        ready_.clear();
        release();
        return error;
    }

    /// Frees buffers, spill files and the connection's transaction.
    void release() {
        result_.reset();
        is_done_ = true;
    }

    Result<> start() {
        if (result_) return {};
        duckdb::vector<duckdb::Value> no_parameters;
        auto pending = query_.statement->PendingQuery(no_parameters, true);
        if (pending->HasError()) return fail(to_error(pending->GetErrorObject(), Stage::kRun, nullptr));
        control_->renew_interrupt();
        result_ = pending->Execute();
        if (result_->HasError()) return fail(to_error(result_->GetErrorObject(), Stage::kRun, nullptr));
        properties_ =
            std::make_unique<duckdb::ClientProperties>(query_.connection->context->GetClientProperties());
        ArrowSchema exported;
        duckdb::ArrowConverter::ToArrowSchema(&exported, query_.exported, query_.statement->GetNames(),
                                              *properties_);
        auto imported = arrow::ImportSchema(&exported);
        if (!imported.ok()) return fail(library_error(imported.status()));
        exported_schema_ = *std::move(imported);
        return {};
    }

    static Error library_error(const arrow::Status& status) {
        return make_error(Code::kInternal, "converting a result failed: {}", status.message())
            .with_reason("CORE_EXECUTION_ERROR");
    }

    /// Collects chunks to one batch, converts it and cuts it to messages.
    Result<> fill() {
        duckdb::ArrowAppender appender(query_.exported, STANDARD_VECTOR_SIZE, *properties_, {});
        const auto started = std::chrono::steady_clock::now();
        std::int64_t rows = 0;
        std::int64_t bytes = 0;
        while (rows < kBatchRows && bytes < kBatchBytes) {
            duckdb::unique_ptr<duckdb::DataChunk> chunk;
            duckdb::ErrorData error;
            if (!result_->TryFetch(chunk, error)) return to_error(error, Stage::kRun, nullptr);
            if (result_->HasError()) return to_error(result_->GetErrorObject(), Stage::kRun, nullptr);
            if (!chunk || chunk->size() == 0) {
                release();
                break;
            }
            append(appender, *chunk, bytes);
            rows += static_cast<std::int64_t>(chunk->size());
            if (std::chrono::steady_clock::now() - started >= kRowsWait) break;
        }
        if (rows == 0) return {};
        ArrowArray array = appender.Finalize();
        auto imported = arrow::ImportRecordBatch(&array, exported_schema_);
        if (!imported.ok()) return library_error(imported.status());
        TRY_ASSIGN(const auto batch, convert(**imported));
        for (auto& slice : slice_batch(batch, kMessageBytes)) ready_.push_back(std::move(slice));
        return {};
    }

    void append(duckdb::ArrowAppender& appender, duckdb::DataChunk& chunk, std::int64_t& bytes) {
        const duckdb::idx_t count = chunk.size();
        duckdb::DataChunk exported;
        exported.InitializeEmpty(query_.exported);
        for (std::size_t i = 0; i < query_.exported.size(); ++i) {
            if (chunk.data[i].GetType().id() == query_.exported[i].id()) {
                exported.data[i].Reference(chunk.data[i]);
            } else {
                duckdb::Vector text(duckdb::LogicalType::VARCHAR, count);
                duckdb::VectorOperations::Cast(*query_.connection->context, chunk.data[i], text, count);
                exported.data[i].Reference(text);
            }
            bytes += estimate_bytes(exported.data[i], count);
        }
        exported.SetCardinality(count);
        appender.Append(exported, 0, count, count);
    }

    Result<std::shared_ptr<arrow::RecordBatch>> convert(const arrow::RecordBatch& batch) const {
        arrow::ArrayVector columns;
        for (int i = 0; i < batch.num_columns(); ++i) {
            auto converted = to_wire(batch.column(i), query_.schema->field(i)->type());
            if (!converted.ok()) {
                Error error = std::move(converted).error();
                if (error.code != Code::kInternal)
                    error.message += " (column " + query_.schema->field(i)->name() + ")";
                return error;
            }
            columns.push_back(*std::move(converted));
        }
        return arrow::RecordBatch::Make(query_.schema, batch.num_rows(), std::move(columns));
    }

    // The result goes before the statement and the connection that it belongs to.
    PlannedQuery query_;
    const std::shared_ptr<QueryControl> control_;
    std::unique_ptr<duckdb::ClientProperties> properties_;
    std::shared_ptr<arrow::Schema> exported_schema_;
    duckdb::unique_ptr<duckdb::QueryResult> result_;
    std::deque<std::shared_ptr<arrow::RecordBatch>> ready_;
    std::optional<Error> failure_;
    bool is_done_ = false;
};

}  // namespace

std::unique_ptr<QueryStream> make_result_stream(PlannedQuery query, std::shared_ptr<QueryControl> control) {
    return std::make_unique<ResultStream>(std::move(query), std::move(control));
}

}  // namespace amp::query
