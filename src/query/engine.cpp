// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/engine.hpp"

#include "base/log.hpp"
#include "base/time.hpp"
#include "query/catalog_views.hpp"
#include "query/engine_setup.hpp"
#include "query/gate.hpp"
#include "query/output_types.hpp"
#include "query/query_watch.hpp"
#include "query/result_stream.hpp"

#include <arrow/type.h>
#include <duckdb/main/valid_checker.hpp>

#include <unistd.h>
#include <fstream>
#include <map>
#include <thread>

namespace amp::query {
namespace {

/// The machine's memory, or that of the cgroup if it is less.
std::int64_t machine_memory() {
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page = sysconf(_SC_PAGE_SIZE);
    std::int64_t bytes = pages > 0 && page > 0 ? std::int64_t{pages} * page : std::int64_t{4} << 30;
    std::int64_t limit = 0;
    if (std::ifstream file("/sys/fs/cgroup/memory.max"); file >> limit && limit > 0)
        bytes = std::min(bytes, limit);
    return bytes;
}

void set(duckdb::Connection& connection, const std::string& statement) {
    const auto result = connection.Query(statement);
    if (result->HasError()) result->ThrowError();
}

std::string quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
    return out + "'";
}

/// Settings for the life of the instance. Afterwards no SQL can change one, and nothing outside of the
/// private prefix and the spill directory can be opened.
void configure(duckdb::DuckDB& database, const EngineOptions& options, const std::string& prefix) {
    duckdb::Connection connection(database);
    const std::int64_t memory = options.memory_bytes > 0 ? options.memory_bytes : machine_memory() * 3 / 10;
    const int threads = options.threads > 0
                            ? options.threads
                            : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    for (const std::string& statement : {
             fmt::format("SET memory_limit = '{}B'", memory),
             fmt::format("SET threads = {}", threads),
             fmt::format("SET temp_directory = {}", quoted(options.spill_directory)),
             std::string("SET GLOBAL TimeZone = 'UTC'"),
             std::string("SET GLOBAL integer_division = true"),
             std::string("SET GLOBAL default_null_order = 'nulls_last_on_asc_first_on_desc'"),
             std::string("SET GLOBAL parquet_metadata_cache = true"),
             std::string("SET autoinstall_known_extensions = false"),
             std::string("SET autoload_known_extensions = false"),
             std::string("SET allow_community_extensions = false"),
             std::string("SET allow_persistent_secrets = false"),
             // It rewrites sums by the engine's own types.
             std::string("SET disabled_optimizers = 'sum_rewriter'"),
             fmt::format("SET allowed_directories = [{}]", quoted(prefix)),
         })
        set(connection, statement);
    if (!options.spill_directory.empty())
        set(connection, fmt::format("SET max_temp_directory_size = '{}B'", options.spill_bytes_max));
    set(connection, "SET enable_external_access = false");
    set(connection, "SET lock_configuration = true");
}

class DuckEngine final : public Engine {
  public:
    DuckEngine(LiveCatalog& catalog, std::unique_ptr<LiveDatabase> database)
        : catalog_(catalog), database_(std::move(database)) {}

    Result<QueryPlan> plan(std::string_view sql) override {
        TRY_ASSIGN(PlannedQuery planned, prepare(sql));
        return QueryPlan{std::move(planned.schema), std::move(planned.ranges)};
    }

    Result<std::unique_ptr<QueryStream>> execute(std::string_view sql,
                                                 std::chrono::milliseconds timeout) override {
        const auto started = std::chrono::steady_clock::now();
        TRY_ASSIGN(PlannedQuery planned, prepare(sql));
        auto control = std::make_shared<QueryControl>(planned.connection);
        if (timeout.count() > 0) watch_.add(control, started + timeout);
        return make_result_stream(std::move(planned), std::move(control));
    }

    Result<std::vector<TableListing>> list_tables() override {
        TRY_ASSIGN(const auto snapshot, catalog_.snapshot());
        return query::list_tables(*snapshot);
    }

  private:
    Result<PlannedQuery> prepare(std::string_view sql) {
        TRY_ASSIGN(SqlText text, prepare_sql(sql));
        if (text.settings.stream)
            return make_error(Code::kUnsupported,
                              "streaming queries are not supported; leave SETTINGS stream = true out")
                .with_reason("STREAMING_NOT_SUPPORTED");
        TRY_ASSIGN(const auto snapshot, catalog_.snapshot());
        TRY_ASSIGN(const auto database, database_->get());
        const DescribeQuery describe = [&](GatedQuery query) {
            return plan_gated(*database, std::move(query), text).schema;
        };
        TRY_ASSIGN(GatedQuery gated, gate(text, *snapshot, describe));
        try {
            return plan_gated(*database, std::move(gated), text);
        } catch (const std::exception&) {
            return current_error(Stage::kPlan, &text);
        }
    }

    /// Binds and optimises on a fresh connection. Raises engine errors and RefusedQuery.
    static PlannedQuery plan_gated(duckdb::DuckDB& database, GatedQuery query, const SqlText& text) {
        PlannedQuery out;
        out.ranges = std::move(query.ranges);
        out.connection = std::make_shared<duckdb::Connection>(database);
        auto state = duckdb::make_shared_ptr<QueryState>();
        state->scans = std::move(query.scans);
        out.connection->context->registered_state->Insert(QueryState::kKey, state);
        // Without the text the engine leaves the place of an error as a number, which to_error() translates.
        query.statement->query.clear();
        out.statement = out.connection->Prepare(std::move(query.statement));
        if (out.statement->HasError())
            throw RefusedQuery(to_error(out.statement->error, Stage::kPlan, &text));
        duckdb::vector<std::string> names = out.statement->GetNames();
        if (query.is_explain && names.size() == 2) names = {"plan_type", "plan"};
        const auto& types = out.statement->GetTypes();
        state->traced.resize(types.size());
        check_names(names, state->traced);
        arrow::FieldVector fields;
        for (std::size_t i = 0; i < types.size(); ++i) {
            OutputColumn column = output_column(names[i], types[i], state->traced[i]);
            out.exported.push_back(std::move(column.exported));
            fields.push_back(std::move(column.field));
        }
        out.schema = arrow::schema(std::move(fields));
        return out;
    }

    static void check_names(const std::vector<std::string>& names, const std::vector<TracedColumn>& columns) {
        std::map<std::string, std::size_t> seen;
        std::string pairs;
        const auto full = [&](std::size_t i) {
            return columns[i].source.empty() ? names[i] : columns[i].source;
        };
        for (std::size_t i = 0; i < names.size(); ++i) {
            const auto [first, is_new] = seen.emplace(names[i], i);
            if (is_new) continue;
            pairs += (pairs.empty() ? "" : ", ") + full(first->second) + " and " + full(i);
        }
        if (!pairs.empty())
            refuse(Code::kInvalidArgument, "INVALID_PLAN",
                   "Duplicate field names: {}; select the columns by name and give aliases", pairs);
    }

    LiveCatalog& catalog_;
    const std::unique_ptr<LiveDatabase> database_;
    QueryWatch watch_;
};

}  // namespace

Result<std::unique_ptr<duckdb::DuckDB>> open_database(storage::ObjectStore& objects,
                                                      const EngineOptions& options) {
    try {
        // Nobody can guess it: should the gate ever miss a table function, it still has no path to open.
        const std::string prefix = fmt::format("amp-{}://", random_hex(16));
        duckdb::DBConfig config;
        register_plan_hook(config);
        auto database = std::make_unique<duckdb::DuckDB>(nullptr, &config);
        duckdb::DBConfig::GetConfig(*database->instance).replacement_scans.clear();
        register_bytes_types(*database->instance);
        register_functions(*database->instance);
        register_scan(*database, objects, prefix);
        configure(*database, options, prefix);
        return database;
    } catch (const std::exception& exception) {
        return make_error(Code::kInternal, "the query engine cannot start: {}",
                          duckdb::ErrorData(exception).RawMessage());
    }
}

Result<std::unique_ptr<LiveDatabase>> LiveDatabase::open(storage::ObjectStore& objects,
                                                         const EngineOptions& options) {
    std::unique_ptr<LiveDatabase> live(new LiveDatabase(objects, options));
    TRY(live->get());
    return live;
}

Result<std::shared_ptr<duckdb::DuckDB>> LiveDatabase::get() {
    const std::lock_guard lock(mutex_);
    if (database_ && !duckdb::ValidChecker::IsInvalidated(*database_->instance)) return database_;
    if (database_) log::error("query", "the query engine failed and is replaced");
    TRY_ASSIGN(database_, open_database(objects_, options_));
    return database_;
}

Result<std::unique_ptr<Engine>> Engine::open(LiveCatalog& catalog, const EngineOptions& options) {
    TRY_ASSIGN(auto database, LiveDatabase::open(catalog.objects(), options));
    return std::make_unique<DuckEngine>(catalog, std::move(database));
}

}  // namespace amp::query
