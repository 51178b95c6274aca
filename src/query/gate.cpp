// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/gate.hpp"

#include "base/nearest.hpp"
#include "query/allowed_functions.hpp"
#include "query/catalog_views.hpp"
#include "query/snapshot_ranges.hpp"

#include <arrow/type.h>
#include <duckdb/parser/expression/list.hpp>
#include <duckdb/parser/parsed_expression_iterator.hpp>
#include <duckdb/parser/parser.hpp>
#include <duckdb/parser/query_node/list.hpp>
#include <duckdb/parser/result_modifier.hpp>
#include <duckdb/parser/statement/explain_statement.hpp>
#include <duckdb/parser/statement/select_statement.hpp>
#include <duckdb/parser/tableref/list.hpp>
#include <duckdb/parser/tableref/showref.hpp>

#include <algorithm>
#include <cctype>
#include <iterator>

namespace amp::query {
namespace {

using duckdb::ExpressionClass;
using duckdb::ParsedExpression;
using duckdb::QueryNode;
using duckdb::QueryNodeType;
using duckdb::SelectNode;
using duckdb::SelectStatement;
using duckdb::TableRef;
using duckdb::TableReferenceType;
template <typename T>
using Owned = duckdb::unique_ptr<T>;

std::string lower(const std::string& text) { return duckdb::StringUtil::Lower(text); }
bool same_name(const std::string& a, const std::string& b) { return duckdb::StringUtil::CIEquals(a, b); }

/// Parses text of ours; it is one SELECT.
Owned<SelectStatement> parse_select(const std::string& sql) {
    duckdb::Parser parser;
    parser.ParseQuery(sql);
    return duckdb::unique_ptr_cast<duckdb::SQLStatement, SelectStatement>(std::move(parser.statements.at(0)));
}

/// SELECT over the raw scan, with the columns brought to their SQL types that the file cannot give: u64*
/// values, whose files hold the bit pattern in a signed integer.
std::string scan_query(const columnar::TableSpec& spec, std::size_t index) {
    std::string replaced;
    for (const columnar::ColumnSpec& column : spec.columns) {
        std::string expression;
        if (column.type == columnar::ColumnType::kU64Wide) {
            expression = fmt::format("{}(\"{}\")", kUnsignedFunction, column.name);
        } else if (column.type == columnar::ColumnType::kAuthorizationList ||
                   column.type == columnar::ColumnType::kAuthorizationOverflowList) {
            const bool wide_chain = column.type == columnar::ColumnType::kAuthorizationList;
            expression = fmt::format(
                "list_transform(\"{}\", lambda z: struct_pack(chain_id := {}, address := z.address, nonce := "
                "{}(z.nonce), y_parity := z.y_parity, r := z.r, s := z.s))",
                column.name, wide_chain ? fmt::format("{}(z.chain_id)", kUnsignedFunction) : "z.chain_id",
                kUnsignedFunction);
        } else {
            continue;
        }
        replaced += (replaced.empty() ? "" : ", ") + fmt::format("{} AS \"{}\"", expression, column.name);
    }
    return fmt::format("SELECT *{} FROM {}({})", replaced.empty() ? "" : " REPLACE (" + replaced + ")",
                       kScanFunction, index);
}

const char* statement_word(duckdb::StatementType type) {
    using duckdb::StatementType;
    switch (type) {
        case StatementType::MULTI_STATEMENT:
            return "PIVOT without an explicit IN list";
        case StatementType::VARIABLE_SET_STATEMENT:
        case StatementType::SET_STATEMENT:
            return "SET or RESET";
        case StatementType::CREATE_FUNC_STATEMENT:
            return "CREATE";
        case StatementType::TRANSACTION_STATEMENT:
            return "BEGIN, COMMIT or ROLLBACK";
        default:
            return nullptr;
    }
}

/// Checks one statement and turns its table references into scans.
class Gate {
  public:
    Gate(const SqlText& text, const Snapshot& snapshot, const DescribeQuery& describe, GatedQuery& out)
        : text_(text), snapshot_(snapshot), describe_(describe), out_(out) {}

    void statement(duckdb::SQLStatement& statement) {
        using duckdb::StatementType;
        if (!statement.named_param_map.empty())
            refuse(Code::kInvalidArgument, "INVALID_PARAMETERS",
                   "the SQL has {} parameters without values; write the values into the SQL",
                   statement.named_param_map.size());
        if (statement.type == StatementType::SELECT_STATEMENT)
            return select(statement.Cast<SelectStatement>());
        if (statement.type == StatementType::EXPLAIN_STATEMENT) {
            auto& inner = *statement.Cast<duckdb::ExplainStatement>().stmt;
            if (inner.type != StatementType::SELECT_STATEMENT) refuse_statement(inner.type);
            out_.is_explain = true;
            return select(inner.Cast<SelectStatement>());
        }
        refuse_statement(statement.type);
    }

    /// After the visit: pins files and cuts rows to the common range of the tables of each network.
    void finish() {
        std::vector<const TableSnapshot*> tables;
        for (const ScanTable& scan : out_.scans) tables.push_back(scan.table.get());
        out_.ranges = client_ranges(tables);
        const auto common = common_ranges(tables);
        for (std::size_t i = 0; i < out_.scans.size(); ++i) {
            ScanTable& scan = out_.scans[i];
            scan.files = scan.table->files;
            if (!text_.settings.consistent || scan.files.empty()) continue;
            const auto found = common.find(scan.table->network);
            if (found == common.end()) {
                scan.files.clear();
                continue;
            }
            cut(scan, *selects_[i], found->second);
        }
    }

  private:
    struct UnaliasedTable {
        std::string schema;
        std::string table;
        std::string alias;
    };

    [[noreturn]] static void refuse_statement(duckdb::StatementType type) {
        const char* word = statement_word(type);
        const std::string name = word != nullptr ? word : duckdb::StatementTypeToString(type);
        refuse(Code::kInvalidArgument, "INVALID_PLAN",
               "{} is not allowed: only SELECT, VALUES, EXPLAIN, DESCRIBE and SHOW TABLES run here", name);
    }

    std::string place(const duckdb::optional_idx& location) const {
        return location.IsValid() ? fmt::format(" ({})", text_.place(location.GetIndex())) : std::string();
    }

    static void cut(ScanTable& scan, SelectNode& select, const BlockRange& range) {
        const bool whole =
            scan.files.front().range.start >= range.start && scan.files.back().range.end <= range.end;
        if (whole) return;
        std::erase_if(scan.files, [&](const catalog::File& file) { return !file.range.overlaps(range); });
        const auto condition = parse_select(fmt::format(
            "SELECT 1 WHERE _block_num BETWEEN {}::BIGINT AND {}::BIGINT", range.start, range.end));
        select.where_clause = std::move(condition->node->Cast<SelectNode>().where_clause);
    }

    // ---- queries ----

    void select(SelectStatement& statement) { query(*statement.node); }

    void query(QueryNode& node) {
        const std::size_t visible = ctes_.size();
        for (auto& entry : node.cte_map.map) {
            check_aliases(entry.second->aliases);
            for (auto& target : entry.second->key_targets) expression(target);
            select(*entry.second->query);
            ctes_.push_back(lower(entry.first));
        }
        switch (node.type) {
            case QueryNodeType::SELECT_NODE:
                select_node(node.Cast<SelectNode>());
                break;
            case QueryNodeType::SET_OPERATION_NODE:
                for (auto& child : node.Cast<duckdb::SetOperationNode>().children) query(*child);
                break;
            case QueryNodeType::RECURSIVE_CTE_NODE: {
                auto& recursive = node.Cast<duckdb::RecursiveCTENode>();
                check_aliases(recursive.aliases);
                query(*recursive.left);
                ctes_.push_back(lower(recursive.ctename));
                query(*recursive.right);
                ctes_.pop_back();
                for (auto& target : recursive.key_targets) expression(target);
                break;
            }
            case QueryNodeType::CTE_NODE: {
                auto& cte = node.Cast<duckdb::CTENode>();
                check_aliases(cte.aliases);
                query(*cte.query);
                ctes_.push_back(lower(cte.ctename));
                query(*cte.child);
                break;
            }
            default:
                refuse(Code::kInvalidArgument, "INVALID_PLAN",
                       "a common table expression that changes data is not allowed");
        }
        modifiers(node);
        ctes_.resize(visible);
    }

    void modifiers(QueryNode& node) {
        using duckdb::ResultModifierType;
        for (auto& modifier : node.modifiers) {
            switch (modifier->type) {
                case ResultModifierType::LIMIT_MODIFIER: {
                    auto& limit = modifier->Cast<duckdb::LimitModifier>();
                    expression(limit.limit);
                    expression(limit.offset);
                    break;
                }
                case ResultModifierType::LIMIT_PERCENT_MODIFIER: {
                    auto& limit = modifier->Cast<duckdb::LimitPercentModifier>();
                    expression(limit.limit);
                    expression(limit.offset);
                    break;
                }
                case ResultModifierType::ORDER_MODIFIER:
                    for (auto& order : modifier->Cast<duckdb::OrderModifier>().orders)
                        expression(order.expression);
                    break;
                case ResultModifierType::DISTINCT_MODIFIER:
                    for (auto& target : modifier->Cast<duckdb::DistinctModifier>().distinct_on_targets)
                        expression(target);
                    break;
            }
        }
    }

    void select_node(SelectNode& node) {
        unaliased_.emplace_back();
        if (node.from_table) {
            count_tables(*node.from_table);
            table(node.from_table);
        }
        for (auto& item : node.select_list) {
            check_alias(item->GetAlias());
            select_item(item);
        }
        expression(node.where_clause);
        for (auto& group : node.groups.group_expressions) expression(group);
        expression(node.having);
        expression(node.qualify);
        unaliased_.pop_back();
        table_names_.clear();
    }

    /// Visits one output expression; what the visit rewrites does not show in its name.
    void select_item(Owned<ParsedExpression>& item) {
        const bool is_named =
            !item->GetAlias().empty() || item->GetExpressionClass() == ExpressionClass::STAR;
        const std::string name = is_named ? std::string() : item->GetName();
        const bool is_count = name == "count_star()";
        widen_constants(*item);
        expression(item);
        if (is_named) return;
        if (is_count)
            item->SetAlias("count(*)");
        else if (item->GetName() != name)
            item->SetAlias(name);
    }

    static void check_alias(const std::string& alias) {
        if (alias.starts_with('_'))
            refuse(Code::kInvalidArgument, "INVALID_PLAN",
                   "alias starting with '_' is reserved: \"{}\"; choose another name", alias);
    }
    template <typename Names>
    static void check_aliases(const Names& aliases) {
        for (const auto& alias : aliases) check_alias(alias);
    }

    // ---- tables ----

    /// Names of the unaliased catalog tables of one FROM clause: two of one name get their dataset into the
    /// alias.
    void count_tables(TableRef& ref) {
        if (ref.type == TableReferenceType::JOIN) {
            auto& join = ref.Cast<duckdb::JoinRef>();
            count_tables(*join.left);
            count_tables(*join.right);
        } else if (ref.type == TableReferenceType::PIVOT) {
            count_tables(*ref.Cast<duckdb::PivotRef>().source);
        } else if (ref.type == TableReferenceType::BASE_TABLE && ref.alias.empty()) {
            table_names_.push_back(lower(ref.Cast<duckdb::BaseTableRef>().table_name));
        } else {
            table_names_.push_back(lower(ref.alias));
        }
    }

    void table(Owned<TableRef>& ref) {
        check_aliases(ref->column_name_alias);
        switch (ref->type) {
            case TableReferenceType::BASE_TABLE:
                base_table(ref);
                break;
            case TableReferenceType::SUBQUERY:
                nested(*ref->Cast<duckdb::SubqueryRef>().subquery->node);
                break;
            case TableReferenceType::JOIN:
                join(ref->Cast<duckdb::JoinRef>());
                break;
            case TableReferenceType::TABLE_FUNCTION:
                table_function(ref->Cast<duckdb::TableFunctionRef>());
                break;
            case TableReferenceType::EXPRESSION_LIST: {
                auto& list = ref->Cast<duckdb::ExpressionListRef>();
                check_aliases(list.expected_names);
                for (auto& row : list.values)
                    for (auto& cell : row) {
                        widen_constants(*cell);
                        expression(cell);
                    }
                break;
            }
            case TableReferenceType::EMPTY_FROM:
                break;
            case TableReferenceType::PIVOT:
                pivot(ref->Cast<duckdb::PivotRef>());
                break;
            case TableReferenceType::SHOW_REF:
                show(ref);
                break;
            default:
                refuse(Code::kInvalidArgument, "INVALID_PLAN",
                       "a table reference of this kind is not allowed");
        }
    }

    /// A subquery names its tables apart from those of the query around it.
    void nested(QueryNode& node) {
        std::vector<std::string> outer = std::move(table_names_);
        table_names_.clear();
        query(node);
        table_names_ = std::move(outer);
    }

    void join(duckdb::JoinRef& ref) {
        table(ref.left);
        table(ref.right);
        expression(ref.condition);
        for (auto& column : ref.duplicate_eliminated_columns) expression(column);
    }

    void pivot(duckdb::PivotRef& ref) {
        table(ref.source);
        for (auto& aggregate : ref.aggregates) {
            check_alias(aggregate->GetAlias());
            expression(aggregate);
        }
        check_aliases(ref.unpivot_names);
        for (auto& column : ref.pivots) {
            for (auto& pivoted : column.pivot_expressions) expression(pivoted);
            check_aliases(column.unpivot_names);
            for (auto& entry : column.entries) {
                check_alias(entry.alias);
                expression(entry.expr);
            }
            if (column.subquery || !column.pivot_enum.empty())
                refuse(Code::kInvalidArgument, "INVALID_PLAN", "PIVOT needs an explicit IN list of values");
        }
    }

    void table_function(duckdb::TableFunctionRef& ref) {
        if (ref.function->GetExpressionClass() != ExpressionClass::FUNCTION)
            refuse(Code::kInvalidArgument, "INVALID_PLAN", "a table function of this form is not allowed");
        auto& function = ref.function->Cast<duckdb::FunctionExpression>();
        const std::string name = lower(function.function_name);
        const bool known = name == "unnest" || name == "range" || name == "generate_series";
        if (!known || !function.catalog.empty() || !function.schema.empty())
            refuse(Code::kInvalidArgument, "INVALID_PLAN",
                   "the table function {} is not allowed; unnest, range and generate_series are{}",
                   function.function_name, place(function.GetQueryLocation()));
        for (auto& child : function.children) expression(child);
        if (ref.subquery) nested(*ref.subquery->node);
    }

    void show(Owned<TableRef>& ref) {
        auto& show = ref->Cast<duckdb::ShowRef>();
        if (show.show_type == duckdb::ShowType::DESCRIBE && show.query) {
            GatedQuery inner;
            Gate gate(text_, snapshot_, describe_, inner);
            gate.ctes_ = ctes_;
            if (!ctes_.empty())
                refuse(Code::kInvalidArgument, "INVALID_PLAN", "DESCRIBE below a WITH clause is not allowed");
            gate.query(*show.query);
            gate.finish();
            auto statement = duckdb::make_uniq<SelectStatement>();
            statement->node = std::move(show.query);
            inner.statement = std::move(statement);
            replace(ref, parse_select(describe_query(*describe_(std::move(inner)))), ref->alias);
            return;
        }
        if (show.show_type == duckdb::ShowType::SHOW_UNQUALIFIED && show.table_name == "\"tables\"") {
            replace(ref, parse_select(show_tables_query(snapshot_)), ref->alias);
            return;
        }
        const char* word =
            show.show_type == duckdb::ShowType::SUMMARY ? "SUMMARIZE" : "this form of SHOW or DESCRIBE";
        refuse(Code::kInvalidArgument, "INVALID_PLAN",
               "{} is not allowed; SHOW TABLES and DESCRIBE of a query are", word);
    }

    SelectNode& replace(Owned<TableRef>& ref, Owned<SelectStatement> statement, const std::string& alias) {
        auto& node = statement->node->Cast<SelectNode>();
        auto subquery = duckdb::make_uniq<duckdb::SubqueryRef>(std::move(statement), alias);
        subquery->column_name_alias = ref->column_name_alias;
        subquery->sample = std::move(ref->sample);
        subquery->query_location = ref->query_location;
        ref = std::move(subquery);
        return node;
    }

    void base_table(Owned<TableRef>& ref) {
        auto& base = ref->Cast<duckdb::BaseTableRef>();
        if (base.at_clause)
            refuse(Code::kInvalidArgument, "INVALID_PLAN",
                   "AT is not allowed; name a version as \"dataset@version\"");
        if (!base.catalog_name.empty())
            refuse(Code::kInvalidArgument, "CATALOG_QUALIFIED_TABLE",
                   "{}.{}.{} has more than two parts; write dataset.table{}", base.catalog_name,
                   base.schema_name, base.table_name, place(base.query_location));
        if (base.schema_name.empty()) return bare_table(base);
        if (same_name(base.schema_name, "information_schema")) {
            const std::string sql = information_schema_query(snapshot_, lower(base.table_name));
            if (sql.empty())
                refuse(Code::kNotFound, "CATALOG_FOR_SQL_ERROR",
                       "information_schema has no table {}; it has schemata, tables and columns",
                       base.table_name);
            const std::string alias = base.alias.empty() ? base.table_name : base.alias;
            unaliased_.back().push_back({base.schema_name, base.table_name, alias});
            replace(ref, parse_select(sql), alias);
            return;
        }
        scan(ref);
    }

    void bare_table(const duckdb::BaseTableRef& base) const {
        if (std::find(ctes_.begin(), ctes_.end(), lower(base.table_name)) != ctes_.end()) return;
        if (base.table_name.find_first_of("./:*\\") != std::string::npos)
            refuse(Code::kInvalidArgument, "TABLE_REFERENCE_RESOLUTION",
                   "\"{}\" is no table reference; files and URLs cannot be read, write dataset.table{}",
                   base.table_name, place(base.query_location));
        std::vector<std::string> candidates;
        for (const TableListing& entry : list_tables(snapshot_))
            if (same_name(entry.table, base.table_name))
                candidates.push_back(entry.schema + "." + entry.table);
        std::string hint;
        if (!candidates.empty() && candidates.size() <= 3) hint = ", for example " + candidates.front();
        refuse(Code::kInvalidArgument, "UNQUALIFIED_TABLE",
               "the table {} is named without its dataset; write dataset.table{}{}", base.table_name, hint,
               place(base.query_location));
    }

    void scan(Owned<TableRef>& ref) {
        auto& base = ref->Cast<duckdb::BaseTableRef>();
        const DatasetSnapshot& dataset = find_dataset(base);
        const std::shared_ptr<const TableSnapshot> found = find_table(dataset, base);
        std::string alias = base.alias;
        if (alias.empty()) {
            const auto same = std::count(table_names_.begin(), table_names_.end(), lower(base.table_name));
            alias = same > 1 ? base.schema_name + "." + base.table_name : base.table_name;
            unaliased_.back().push_back({base.schema_name, base.table_name, alias});
        }
        const std::size_t index = out_.scans.size();
        out_.scans.push_back({found, alias, {}});
        SelectNode& node = replace(ref, parse_select(scan_query(*found->spec, index)), alias);
        selects_.push_back(&node);
    }

    const DatasetSnapshot& find_dataset(const duckdb::BaseTableRef& base) const {
        const auto exact = snapshot_.datasets.find(base.schema_name);
        if (exact != snapshot_.datasets.end()) return *exact->second;
        std::vector<std::string> names;
        for (const auto& [name, dataset] : snapshot_.datasets) {
            if (same_name(name, base.schema_name)) return *dataset;
            if (!name.starts_with("_/") &&
                (base.schema_name.find('@') != std::string::npos || name.find('@') == std::string::npos))
                names.push_back(name);
        }
        refuse(Code::kNotFound, "CATALOG_FOR_SQL_ERROR", "there is no dataset \"{}\"{}{}", base.schema_name,
               did_you_mean(base.schema_name, names), place(base.query_location));
    }

    std::shared_ptr<const TableSnapshot> find_table(const DatasetSnapshot& dataset,
                                                    const duckdb::BaseTableRef& base) const {
        const auto exact = dataset.tables.find(base.table_name);
        if (exact != dataset.tables.end()) return exact->second;
        std::vector<std::string> names;
        for (const auto& [name, table] : dataset.tables) {
            if (same_name(name, base.table_name)) return table;
            names.push_back(name);
        }
        std::string all;
        for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
        refuse(Code::kNotFound, "CATALOG_FOR_SQL_ERROR",
               "the dataset \"{}\" has no table {}{}; its tables are {}{}", base.schema_name, base.table_name,
               did_you_mean(base.table_name, names), all, place(base.query_location));
    }

    // ---- expressions ----

    void expression(Owned<ParsedExpression>& owned) {
        if (owned) expression(*owned);
    }

    void expression(ParsedExpression& node) {
        switch (node.GetExpressionClass()) {
            case ExpressionClass::FUNCTION: {
                auto& function = node.Cast<duckdb::FunctionExpression>();
                check_function(function.catalog, function.schema, function.function_name,
                               node.GetQueryLocation());
                make_match_partial(function);
                break;
            }
            case ExpressionClass::WINDOW: {
                auto& window = node.Cast<duckdb::WindowExpression>();
                check_function(window.catalog, window.schema, window.function_name, node.GetQueryLocation());
                return window_children(window);
            }
            case ExpressionClass::SUBQUERY: {
                auto& subquery = node.Cast<duckdb::SubqueryExpression>();
                nested(*subquery.subquery->node);
                return expression(subquery.child);
            }
            case ExpressionClass::COLUMN_REF:
                column(node.Cast<duckdb::ColumnRefExpression>());
                break;
            case ExpressionClass::CAST: {
                auto& cast = node.Cast<duckdb::CastExpression>();
                expression(cast.child);
                return check_bytes_cast(cast);
            }
            case ExpressionClass::PARAMETER:
                refuse(Code::kInvalidArgument, "INVALID_PARAMETERS", "a parameter has no value{}",
                       place(node.GetQueryLocation()));
            case ExpressionClass::STAR:
                for (auto& renamed : node.Cast<duckdb::StarExpression>().rename_list)
                    check_alias(renamed.second);
                break;
            case ExpressionClass::CASE:
            case ExpressionClass::COMPARISON:
            case ExpressionClass::CONJUNCTION:
            case ExpressionClass::CONSTANT:
            case ExpressionClass::DEFAULT:
            case ExpressionClass::OPERATOR:
            case ExpressionClass::COLLATE:
            case ExpressionClass::LAMBDA:
            case ExpressionClass::LAMBDA_REF:
            case ExpressionClass::POSITIONAL_REFERENCE:
            case ExpressionClass::BETWEEN:
            case ExpressionClass::TYPE:
                break;
            default:
                refuse(Code::kInvalidArgument, "INVALID_PLAN", "an expression of this kind is not allowed{}",
                       place(node.GetQueryLocation()));
        }
        duckdb::ParsedExpressionIterator::EnumerateChildren(
            node, [&](Owned<ParsedExpression>& child) { expression(child); });
    }

    void window_children(duckdb::WindowExpression& window) {
        for (auto& child : window.children) expression(child);
        for (auto& partition : window.partitions) expression(partition);
        for (auto& order : window.orders) expression(order.expression);
        for (auto& order : window.arg_orders) expression(order.expression);
        expression(window.filter_expr);
        expression(window.start_expr);
        expression(window.end_expr);
        expression(window.offset_expr);
        expression(window.default_expr);
    }

    void check_function(const std::string& catalog, const std::string& schema, const std::string& name,
                        const duckdb::optional_idx& location) const {
        if (!catalog.empty())
            refuse(Code::kInvalidArgument, "FUNCTION_REFERENCE_RESOLUTION",
                   "{}.{}.{} has more than two parts{}", catalog, schema, name, place(location));
        // The parser itself writes `main` before the functions that stand for literals.
        if (!schema.empty() && schema != "main")
            refuse(Code::kNotFound, "CATALOG_FOR_SQL_ERROR", "the dataset \"{}\" has no function {}{}",
                   schema, name, place(location));
        const std::string key = lower(name);
        if (is_allowed_function(key)) return;
        if (is_refused_function(key) || key.starts_with("__amp"))
            refuse(Code::kInvalidArgument, "INVALID_PLAN", "the function {} is not allowed{}", name,
                   place(location));
        if (key == "block_num")
            refuse(Code::kInvalidArgument, "INVALID_PLAN",
                   "block_num() is only supported in streaming queries{}", place(location));
        if (is_engine_table_function(key))
            refuse(Code::kInvalidArgument, "INVALID_PLAN", "the function {} is not allowed{}", name,
                   place(location));
        std::vector<std::string> names;
        for (const std::string_view allowed : allowed_functions())
            if (std::isalpha(static_cast<unsigned char>(allowed.front())) != 0) names.emplace_back(allowed);
        refuse(Code::kInvalidArgument, "PLANNING_ERROR", "there is no function {}{}{}", name,
               did_you_mean(key, names), place(location));
    }

    /// Names that clients might expect to be functions of the engine: "not allowed" is the truth about them.
    static bool is_engine_table_function(const std::string& name) {
        constexpr std::string_view kNames[] = {"getenv",       "query",     "query_table", "glob",
                                               "read_blob",    "read_csv",  "read_json",   "read_parquet",
                                               "read_text",    "sniff_csv", "checkpoint",  "enable_logging",
                                               "which_secret", "pg_typeof", "setting",     "current_user"};
        return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames) ||
               name.starts_with("duckdb_") || name.starts_with("pragma_") || name.starts_with("pg_");
    }

    /// `a ~ b` is a partial match here, and the engine's parser writes both as regexp_full_match: the place
    /// tells them apart, because that of a call is its name.
    void make_match_partial(duckdb::FunctionExpression& function) const {
        if (lower(function.function_name) != "regexp_full_match") return;
        const duckdb::optional_idx location = function.GetQueryLocation();
        if (location.IsValid()) {
            const std::size_t at = location.GetIndex();
            constexpr std::string_view kName = "regexp_full_match";
            if (at + kName.size() <= text_.sql.size() &&
                same_name(text_.sql.substr(at, kName.size()), std::string(kName)))
                return;
            if (at < text_.sql.size() && text_.sql[at] == '"') return;
        }
        function.function_name = "regexp_matches";
    }

    /// The engine reads these words as calls when no column has the name.
    void column(duckdb::ColumnRefExpression& column) const {
        auto& names = column.column_names;
        if (names.size() == 1) {
            constexpr std::string_view kCallWords[] = {"current_catalog", "current_role", "current_schema",
                                                       "current_user",    "session_user", "user"};
            const std::string word = lower(names[0]);
            if (std::find(std::begin(kCallWords), std::end(kCallWords), word) != std::end(kCallWords))
                refuse(Code::kInvalidArgument, "INVALID_PLAN",
                       "the function {} is not allowed; qualify it if it is a column{}", names[0],
                       place(column.GetQueryLocation()));
            return;
        }
        if (names.size() < 3) return;
        // Innermost scope first: `dataset.table.column` becomes `alias.column`.
        for (auto scope = unaliased_.rbegin(); scope != unaliased_.rend(); ++scope)
            for (const UnaliasedTable& entry : *scope)
                if (same_name(entry.schema, names[0]) && same_name(entry.table, names[1])) {
                    names.erase(names.begin());
                    names[0] = entry.alias;
                    return;
                }
    }

    /// A written cast to BYTESn checks the length; the engine's implicit one must not, it serves comparisons.
    static void check_bytes_cast(duckdb::CastExpression& cast) {
        const std::string name = duckdb::StringUtil::Upper(cast.cast_type.ToString());
        std::string_view digits = name;
        if (digits.starts_with('"') && digits.ends_with('"') && digits.size() > 2)
            digits = digits.substr(1, digits.size() - 2);
        if (!digits.starts_with("BYTES")) return;
        digits.remove_prefix(5);
        int width = 0;
        for (const char c : digits) {
            if (c < '0' || c > '9' || width > 256) return;
            width = width * 10 + (c - '0');
        }
        if (width < 1 || width > 256) return;
        duckdb::vector<Owned<ParsedExpression>> arguments;
        arguments.push_back(std::move(cast.child));
        arguments.push_back(duckdb::make_uniq<duckdb::ConstantExpression>(duckdb::Value::INTEGER(width)));
        arguments.push_back(
            duckdb::make_uniq<duckdb::ConstantExpression>(duckdb::Value::BOOLEAN(cast.try_cast)));
        cast.child =
            duckdb::make_uniq<duckdb::FunctionExpression>(kCheckedBytesFunction, std::move(arguments));
    }

    /// An output value of integer constants alone is BIGINT, not INTEGER (SQL reference 3). Elsewhere a
    /// constant takes the type of the column beside it.
    static void widen_constants(ParsedExpression& node) {
        if (is_constant(node)) widen(node);
    }

    static bool is_constant(ParsedExpression& node) {
        if (node.GetExpressionClass() == ExpressionClass::CONSTANT) {
            const auto id = node.Cast<duckdb::ConstantExpression>().value.type().id();
            return id == duckdb::LogicalTypeId::INTEGER || id == duckdb::LogicalTypeId::BIGINT;
        }
        if (node.GetExpressionClass() == ExpressionClass::OPERATOR &&
            node.GetExpressionType() != duckdb::ExpressionType::ARRAY_CONSTRUCTOR)
            return false;
        if (node.GetExpressionClass() == ExpressionClass::FUNCTION) {
            constexpr std::string_view kNames[] = {"+", "-",          "*",           "//", "/",
                                                   "%", "list_value", "struct_pack", "row"};
            const std::string& name = node.Cast<duckdb::FunctionExpression>().function_name;
            if (std::find(std::begin(kNames), std::end(kNames), name) == std::end(kNames)) return false;
        } else if (node.GetExpressionClass() != ExpressionClass::OPERATOR) {
            return false;
        }
        bool all = true;
        int children = 0;
        duckdb::ParsedExpressionIterator::EnumerateChildren(node, [&](Owned<ParsedExpression>& child) {
            ++children;
            all = all && is_constant(*child);
        });
        return all && children > 0;
    }

    static void widen(ParsedExpression& node) {
        if (node.GetExpressionClass() == ExpressionClass::CONSTANT) {
            auto& value = node.Cast<duckdb::ConstantExpression>().value;
            if (!value.IsNull()) value = duckdb::Value::BIGINT(value.GetValue<std::int64_t>());
            return;
        }
        duckdb::ParsedExpressionIterator::EnumerateChildren(
            node, [](Owned<ParsedExpression>& child) { widen(*child); });
    }

    const SqlText& text_;
    const Snapshot& snapshot_;
    const DescribeQuery& describe_;
    GatedQuery& out_;
    std::vector<SelectNode*> selects_;      // of out_.scans
    std::vector<std::string> ctes_;         // visible names, lower case
    std::vector<std::string> table_names_;  // of the FROM clause being visited
    std::vector<std::vector<UnaliasedTable>> unaliased_{1};
};

}  // namespace

Result<GatedQuery> gate(const SqlText& text, const Snapshot& snapshot, const DescribeQuery& describe) {
    GatedQuery out;
    Stage stage = Stage::kParse;
    try {
        duckdb::ParserOptions options;
        options.integer_division = true;
        duckdb::Parser parser(options);
        parser.ParseQuery(text.sql);
        if (parser.statements.size() != 1)
            refuse(Code::kInvalidArgument, "SQL_PARSE_ERROR",
                   "exactly one statement is allowed, the SQL has {}", parser.statements.size());
        stage = Stage::kPlan;
        out.statement = std::move(parser.statements[0]);
        Gate visitor(text, snapshot, describe, out);
        visitor.statement(*out.statement);
        visitor.finish();
    } catch (const std::exception&) {
        Error error = current_error(stage, &text);
        if (error.message.starts_with("NameListToString")) {
            error.message = "a table reference has more than three parts; write dataset.table";
            error.reason = "CATALOG_QUALIFIED_TABLE";
        }
        return error;
    }
    return out;
}

}  // namespace amp::query
