// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.hpp"
#include "query/engine_setup.hpp"

#include <arrow/type.h>
#include <duckdb/optimizer/optimizer_extension.hpp>
#include <duckdb/planner/expression/list.hpp>
#include <duckdb/planner/expression_iterator.hpp>
#include <duckdb/planner/logical_operator_visitor.hpp>
#include <duckdb/planner/operator/list.hpp>

#include <algorithm>
#include <map>
#include <utility>

namespace amp::query {
namespace {

using duckdb::Expression;
using duckdb::ExpressionClass;
using duckdb::LogicalOperator;
using duckdb::LogicalOperatorType;

struct Traced : TracedColumn {
    bool is_null_constant = false;
    /// A column of the scan itself whose nested numbers the scan's own SELECT still has to turn unsigned.
    bool is_raw_list = false;
};

template <std::size_t N>
bool is_one_of(const std::string& name, const std::string_view (&names)[N]) {
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool is_unsigned(const arrow::DataType& type) {
    return type.id() == arrow::Type::UINT8 || type.id() == arrow::Type::UINT32 ||
           type.id() == arrow::Type::UINT64;
}

/// Follows declared types and nullability through a bound plan (SQL reference 5.2): from scans, bottom up,
/// along column bindings. What a rule does not cover has no declared type, and goes out as its engine type.
class PlanTrace {
  public:
    explicit PlanTrace(const QueryState& state) : state_(state) {}

    std::vector<TracedColumn> run(LogicalOperator& plan) {
        visit(plan);
        std::vector<TracedColumn> out;
        for (const auto& binding : plan.GetColumnBindings()) out.push_back(known(binding));
        return out;
    }

  private:
    using Key = std::pair<duckdb::idx_t, duckdb::idx_t>;

    Traced known(const duckdb::ColumnBinding& binding) const {
        const auto found = known_.find({binding.table_index, binding.column_index});
        return found == known_.end() ? Traced{} : found->second;
    }
    void set(duckdb::idx_t table, duckdb::idx_t column, Traced traced) {
        known_[{table, column}] = std::move(traced);
    }

    void make_nullable(LogicalOperator& op) {
        for (const auto& binding : op.GetColumnBindings()) {
            const auto found = known_.find({binding.table_index, binding.column_index});
            if (found != known_.end()) found->second.nullable = true;
        }
    }

    std::vector<Traced> outputs(LogicalOperator& op) const {
        std::vector<Traced> out;
        for (const auto& binding : op.GetColumnBindings()) out.push_back(known(binding));
        return out;
    }

    // ---- operators ----

    void visit(LogicalOperator& op) {
        if (op.type == LogicalOperatorType::LOGICAL_MATERIALIZED_CTE)
            return materialized_cte(op.Cast<duckdb::LogicalMaterializedCTE>());
        if (op.type == LogicalOperatorType::LOGICAL_RECURSIVE_CTE)
            return recursive_cte(op.Cast<duckdb::LogicalRecursiveCTE>());
        for (auto& child : op.children) visit(*child);
        switch (op.type) {
            case LogicalOperatorType::LOGICAL_GET:
                scan(op.Cast<duckdb::LogicalGet>());
                break;
            case LogicalOperatorType::LOGICAL_PROJECTION:
                assign(op.Cast<duckdb::LogicalProjection>().table_index, op.expressions);
                break;
            case LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY: {
                auto& aggregate = op.Cast<duckdb::LogicalAggregate>();
                assign(aggregate.group_index, aggregate.groups);
                for (std::size_t i = 0; i < aggregate.groups.size(); ++i)
                    if (aggregate.grouping_sets.size() > 1)
                        known_[{aggregate.group_index, i}].nullable = true;
                assign(aggregate.aggregate_index, op.expressions);
                break;
            }
            case LogicalOperatorType::LOGICAL_WINDOW:
                assign(op.Cast<duckdb::LogicalWindow>().window_index, op.expressions);
                break;
            case LogicalOperatorType::LOGICAL_UNNEST:
                assign(op.Cast<duckdb::LogicalUnnest>().unnest_index, op.expressions);
                break;
            case LogicalOperatorType::LOGICAL_UNION:
            case LogicalOperatorType::LOGICAL_EXCEPT:
            case LogicalOperatorType::LOGICAL_INTERSECT:
                set_operation(op.Cast<duckdb::LogicalSetOperation>());
                break;
            case LogicalOperatorType::LOGICAL_CTE_REF:
                cte_ref(op.Cast<duckdb::LogicalCTERef>());
                break;
            case LogicalOperatorType::LOGICAL_COMPARISON_JOIN:
            case LogicalOperatorType::LOGICAL_ANY_JOIN:
            case LogicalOperatorType::LOGICAL_DELIM_JOIN:
            case LogicalOperatorType::LOGICAL_ASOF_JOIN:
            case LogicalOperatorType::LOGICAL_DEPENDENT_JOIN:
                join(op.Cast<duckdb::LogicalJoin>());
                break;
            case LogicalOperatorType::LOGICAL_POSITIONAL_JOIN:
                for (auto& child : op.children) make_nullable(*child);
                break;
            default:
                break;
        }
    }

    void scan(duckdb::LogicalGet& get) {
        if (get.function.name != kScanFunction || get.parameters.empty()) return;
        const std::size_t index = std::stoul(get.parameters[0].ToString());
        if (index >= state_.scans.size()) return;
        const ScanTable& table = state_.scans[index];
        const auto declared = columnar::declared_schema(*table.table->spec);
        const auto& columns = get.GetColumnIds();
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const duckdb::idx_t column = columns[i].GetPrimaryIndex();
            if (column >= static_cast<duckdb::idx_t>(declared->num_fields())) continue;
            const auto& field = declared->field(static_cast<int>(column));
            const columnar::ColumnType type = table.table->spec->columns[column].type;
            Traced traced;
            traced.type = field->type();
            traced.nullable = field->nullable();
            traced.source = table.alias + "." + field->name();
            traced.is_raw_list = type == columnar::ColumnType::kAuthorizationList ||
                                 type == columnar::ColumnType::kAuthorizationOverflowList;
            set(get.table_index, i, std::move(traced));
        }
    }

    void assign(duckdb::idx_t table, const duckdb::vector<duckdb::unique_ptr<Expression>>& expressions) {
        for (std::size_t i = 0; i < expressions.size(); ++i) set(table, i, trace(*expressions[i]));
    }

    void join(duckdb::LogicalJoin& op) {
        using duckdb::JoinType;
        const JoinType type = op.join_type;
        if (op.children.size() != 2) return;
        if (type == JoinType::LEFT || type == JoinType::OUTER || type == JoinType::SINGLE)
            make_nullable(*op.children[1]);
        if (type == JoinType::RIGHT || type == JoinType::OUTER) make_nullable(*op.children[0]);
    }

    void set_operation(duckdb::LogicalSetOperation& op) {
        std::vector<Traced> merged = outputs(*op.children[0]);
        for (std::size_t i = 1; i < op.children.size(); ++i) {
            const std::vector<Traced> other = outputs(*op.children[i]);
            for (std::size_t k = 0; k < merged.size() && k < other.size(); ++k)
                merged[k] = both(merged[k], other[k]);
        }
        for (std::size_t k = 0; k < merged.size(); ++k) set(op.table_index, k, std::move(merged[k]));
    }

    void materialized_cte(duckdb::LogicalMaterializedCTE& op) {
        visit(*op.children[0]);
        ctes_[op.table_index] = outputs(*op.children[0]);
        for (std::size_t i = 1; i < op.children.size(); ++i) visit(*op.children[i]);
    }

    /// The recursive part may only confirm what the first part declares: one column that differs unsettles
    /// all.
    void recursive_cte(duckdb::LogicalRecursiveCTE& op) {
        visit(*op.children[0]);
        std::vector<Traced> merged = outputs(*op.children[0]);
        for (Traced& column : merged) column.nullable = true;
        ctes_[op.table_index] = merged;
        visit(*op.children[1]);
        const std::vector<Traced> other = outputs(*op.children[1]);
        bool confirmed = other.size() == merged.size();
        for (std::size_t k = 0; confirmed && k < merged.size(); ++k)
            confirmed = !merged[k].type || (other[k].type && merged[k].type->Equals(*other[k].type));
        if (!confirmed)
            for (Traced& column : merged) column = Traced{};
        ctes_[op.table_index] = merged;
        for (std::size_t k = 0; k < merged.size(); ++k) set(op.table_index, k, merged[k]);
    }

    void cte_ref(duckdb::LogicalCTERef& op) {
        const auto found = ctes_.find(op.cte_index);
        if (found == ctes_.end()) return;
        for (std::size_t k = 0; k < found->second.size(); ++k) set(op.table_index, k, found->second[k]);
    }

    // ---- expressions ----

    /// The declared type of a value that is one of two.
    static Traced both(const Traced& a, const Traced& b) {
        Traced out;
        out.nullable = a.nullable || b.nullable;
        out.is_null_constant = a.is_null_constant && b.is_null_constant;
        if (a.is_null_constant)
            out.type = b.type;
        else if (b.is_null_constant)
            out.type = a.type;
        else if (a.type && b.type && a.type->Equals(*b.type))
            out.type = a.type;
        return out;
    }

    template <typename Children>
    Traced agreed(const Children& children) const {
        Traced out;
        out.is_null_constant = true;
        for (const auto& child : children) out = both(out, trace(*child));
        out.nullable = true;
        return out;
    }

    static Traced derived(std::shared_ptr<arrow::DataType> type) {
        Traced out;
        out.type = std::move(type);
        return out;
    }

    static Traced list_of(const Traced& element) {
        if (!element.type) return {};
        return derived(arrow::list(arrow::field("item", element.type, true)));
    }

    static Traced element_of(const Traced& list) {
        if (!list.type || list.type->id() != arrow::Type::LIST) return {};
        return derived(list.type->field(0)->type());
    }

    Traced trace(const Expression& expression) const {
        switch (expression.GetExpressionClass()) {
            case ExpressionClass::BOUND_COLUMN_REF: {
                const auto& column = expression.Cast<duckdb::BoundColumnRefExpression>();
                return column.depth == 0 ? known(column.binding) : Traced{};
            }
            case ExpressionClass::BOUND_CONSTANT: {
                Traced out;
                out.is_null_constant = expression.Cast<duckdb::BoundConstantExpression>().value.IsNull();
                out.nullable = out.is_null_constant;
                return out;
            }
            case ExpressionClass::BOUND_CAST: {
                const auto& cast = expression.Cast<duckdb::BoundCastExpression>();
                Traced child = trace(*cast.child);
                if (cast.child->return_type == cast.return_type || child.is_null_constant) return child;
                // Literals such as true and DATE '2024-01-02' are casts of constants.
                Traced out;
                out.nullable = cast.try_cast || child.nullable || cast.return_type.IsNested() ||
                               cast.child->GetExpressionClass() != ExpressionClass::BOUND_CONSTANT;
                return out;
            }
            case ExpressionClass::BOUND_CASE: {
                const auto& node = expression.Cast<duckdb::BoundCaseExpression>();
                Traced out = trace(*node.else_expr);
                for (const auto& check : node.case_checks) out = both(out, trace(*check.then_expr));
                out.nullable = true;
                return out;
            }
            case ExpressionClass::BOUND_OPERATOR:
                if (expression.GetExpressionType() == duckdb::ExpressionType::OPERATOR_COALESCE)
                    return agreed(expression.Cast<duckdb::BoundOperatorExpression>().children);
                return {};
            case ExpressionClass::BOUND_FUNCTION:
                return function(expression.Cast<duckdb::BoundFunctionExpression>());
            case ExpressionClass::BOUND_AGGREGATE:
                return aggregate(expression.Cast<duckdb::BoundAggregateExpression>());
            case ExpressionClass::BOUND_WINDOW:
                return window(expression.Cast<duckdb::BoundWindowExpression>());
            case ExpressionClass::BOUND_UNNEST:
                return element_of(trace(*expression.Cast<duckdb::BoundUnnestExpression>().child));
            default:
                return {};
        }
    }

    Traced function(const duckdb::BoundFunctionExpression& call) const {
        constexpr std::string_view kElement[] = {"list_extract", "array_extract", "list_element"};
        constexpr std::string_view kTransform[] = {"list_transform", "list_apply", "apply",
                                                   "array_transform"};
        constexpr std::string_view kChoice[] = {"greatest", "least"};
        constexpr std::string_view kPack[] = {"list_value", "list_pack"};
        const std::string& name = call.function.name;
        if (call.children.empty()) return {};
        // The engine guards scalar subqueries with it; it never yields a value.
        if (name == "error") {
            Traced out;
            out.is_null_constant = true;
            return out;
        }
        if (name == kUnsignedFunction) return trace(*call.children[0]);
        if (is_one_of(name, kTransform)) {
            const Traced list = trace(*call.children[0]);
            // The scan's own SELECT: its list has the declared type from here on.
            if (!list.is_raw_list) return {};
            Traced out = list;
            out.is_raw_list = false;
            return out;
        }
        if (is_one_of(name, kChoice)) return agreed(call.children);
        if (is_one_of(name, kPack)) return list_of(agreed(call.children));
        if (name == "struct_extract" || name == "struct_extract_at" || name == "array_extract") {
            const Traced member = struct_member(call);
            if (member.type) return member;
        }
        if (is_one_of(name, kElement)) return element_of(trace(*call.children[0]));
        if (name == "struct_pack" || name == "row") return struct_pack(call);
        return {};
    }

    Traced struct_member(const duckdb::BoundFunctionExpression& call) const {
        const Traced whole = trace(*call.children[0]);
        if (!whole.type || whole.type->id() != arrow::Type::STRUCT || call.children.size() < 2) return {};
        if (call.children[1]->GetExpressionClass() != ExpressionClass::BOUND_CONSTANT) return {};
        const duckdb::Value& key = call.children[1]->Cast<duckdb::BoundConstantExpression>().value;
        if (key.IsNull()) return {};
        if (key.type().id() == duckdb::LogicalTypeId::VARCHAR) {
            for (const auto& field : whole.type->fields())
                if (duckdb::StringUtil::CIEquals(field->name(), key.ToString()))
                    return derived(field->type());
            return {};
        }
        const auto index = key.GetValue<std::int64_t>();
        if (index < 1 || index > whole.type->num_fields()) return {};
        return derived(whole.type->field(static_cast<int>(index - 1))->type());
    }

    Traced struct_pack(const duckdb::BoundFunctionExpression& call) const {
        arrow::FieldVector fields;
        const auto& members = duckdb::StructType::GetChildTypes(call.return_type);
        for (std::size_t i = 0; i < call.children.size() && i < members.size(); ++i) {
            const Traced member = trace(*call.children[i]);
            // A member of its engine type only would need that type here: the whole then goes out by engine
            // types.
            if (!member.type) return {};
            fields.push_back(arrow::field(members[i].first, member.type, true));
        }
        return derived(arrow::struct_(std::move(fields)));
    }

    Traced aggregate(const duckdb::BoundAggregateExpression& call) const {
        constexpr std::string_view kCounts[] = {"count", "count_star"};
        constexpr std::string_view kKeeps[] = {
            "min",    "max",    "first",  "last",   "any_value", "arbitrary",    "arg_min",     "arg_max",
            "argmin", "argmax", "min_by", "max_by", "mode",      "arg_min_null", "arg_max_null"};
        const std::string& name = call.function.name;
        if (is_one_of(name, kCounts)) {
            Traced out;
            out.nullable = false;
            return out;
        }
        if (call.children.empty()) return {};
        const Traced first = trace(*call.children[0]);
        if (name == "sum") {
            const bool signed_sum = call.return_type.id() == duckdb::LogicalTypeId::BIGINT;
            return signed_sum && first.type && is_unsigned(*first.type) ? derived(arrow::uint64()) : Traced{};
        }
        if (name == "list" || name == "array_agg") return list_of(first);
        if (!is_one_of(name, kKeeps) || call.return_type != call.children[0]->return_type) return {};
        return derived(first.type);
    }

    Traced window(const duckdb::BoundWindowExpression& call) const {
        using duckdb::ExpressionType;
        switch (call.GetExpressionType()) {
            case ExpressionType::WINDOW_LAG:
            case ExpressionType::WINDOW_LEAD: {
                Traced out = trace(*call.children.at(0));
                if (call.default_expr) out = both(out, trace(*call.default_expr));
                return derived(out.type);
            }
            case ExpressionType::WINDOW_FIRST_VALUE:
            case ExpressionType::WINDOW_LAST_VALUE:
            case ExpressionType::WINDOW_NTH_VALUE:
                return derived(trace(*call.children.at(0)).type);
            case ExpressionType::WINDOW_AGGREGATE:
                break;
            default:
                return {};
        }
        if (!call.aggregate) return {};
        const std::string& name = call.aggregate->name;
        if (name == "count" || name == "count_star") {
            Traced out;
            out.nullable = false;
            return out;
        }
        if (call.children.empty() || call.return_type != call.children[0]->return_type) return {};
        const Traced first = trace(*call.children[0]);
        if (name == "sum")
            return first.type && is_unsigned(*first.type) ? derived(arrow::uint64()) : Traced{};
        constexpr std::string_view kKeeps[] = {"min", "max", "first", "last", "any_value"};
        return is_one_of(name, kKeeps) ? derived(first.type) : Traced{};
    }

    const QueryState& state_;
    std::map<Key, Traced> known_;
    std::map<duckdb::idx_t, std::vector<Traced>> ctes_;
};

// ---- text literals against binary (SQL reference 5.5) ----

const duckdb::Value* text_constant(const Expression& expression) {
    if (expression.GetExpressionClass() != ExpressionClass::BOUND_CONSTANT) return nullptr;
    const auto& value = expression.Cast<duckdb::BoundConstantExpression>().value;
    if (value.IsNull() || value.type().id() != duckdb::LogicalTypeId::VARCHAR) return nullptr;
    return &value;
}

bool is_plain_blob(const duckdb::LogicalType& type) {
    return type.id() == duckdb::LogicalTypeId::BLOB && bytes_width(type) == 0;
}

/// Beside a comparison, `0x..` text against BLOB is the bytes that it spells.
void mend_blob_literal(duckdb::unique_ptr<Expression>& operand) {
    if (operand->GetExpressionClass() != ExpressionClass::BOUND_CAST || !is_plain_blob(operand->return_type))
        return;
    const duckdb::Value* text = text_constant(*operand->Cast<duckdb::BoundCastExpression>().child);
    if (text == nullptr) return;
    const std::string& spelled = duckdb::StringValue::Get(*text);
    if (!spelled.starts_with("0x")) return;
    const auto bytes = parse_hex(spelled);
    if (!bytes)
        throw duckdb::BinderException("'%s' needs an even number of hexadecimal digits after 0x", spelled);
    const auto raw = as_text(*bytes);
    operand = duckdb::make_uniq<duckdb::BoundConstantExpression>(
        duckdb::Value::BLOB(duckdb::const_data_ptr_cast(raw.data()), raw.size()));
}

void check_bytes_literal(const Expression& expression) {
    const duckdb::Value* text = nullptr;
    int width = 0;
    if (expression.GetExpressionClass() == ExpressionClass::BOUND_CAST) {
        const auto& cast = expression.Cast<duckdb::BoundCastExpression>();
        if (cast.try_cast) return;
        text = text_constant(*cast.child);
        width = bytes_width(cast.return_type);
    } else if (expression.GetExpressionClass() == ExpressionClass::BOUND_FUNCTION) {
        const auto& call = expression.Cast<duckdb::BoundFunctionExpression>();
        if (call.function.name != kCheckedBytesFunction || call.children.size() != 3) return;
        text = text_constant(*call.children[0]);
        const auto& argument = [&](std::size_t i) -> const duckdb::Value& {
            return call.children[i]->Cast<duckdb::BoundConstantExpression>().value;
        };
        if (argument(2).GetValue<bool>()) return;
        width = argument(1).GetValue<std::int32_t>();
    }
    if (text == nullptr || width == 0) return;
    if (const auto problem = bytes_literal_error(duckdb::StringValue::Get(*text), width))
        throw duckdb::BinderException(*problem);
}

void mend_expression(Expression& expression) {
    switch (expression.GetExpressionClass()) {
        case ExpressionClass::BOUND_COMPARISON: {
            auto& comparison = expression.Cast<duckdb::BoundComparisonExpression>();
            mend_blob_literal(comparison.left);
            mend_blob_literal(comparison.right);
            break;
        }
        case ExpressionClass::BOUND_BETWEEN: {
            auto& between = expression.Cast<duckdb::BoundBetweenExpression>();
            mend_blob_literal(between.lower);
            mend_blob_literal(between.upper);
            break;
        }
        case ExpressionClass::BOUND_OPERATOR:
            if (expression.GetExpressionType() == duckdb::ExpressionType::COMPARE_IN ||
                expression.GetExpressionType() == duckdb::ExpressionType::COMPARE_NOT_IN)
                for (auto& child : expression.Cast<duckdb::BoundOperatorExpression>().children)
                    mend_blob_literal(child);
            break;
        default:
            check_bytes_literal(expression);
    }
    duckdb::ExpressionIterator::EnumerateChildren(expression,
                                                  [](Expression& child) { mend_expression(child); });
}

void mend_plan(LogicalOperator& op) {
    duckdb::LogicalOperatorVisitor::EnumerateExpressions(
        op, [](duckdb::unique_ptr<Expression>* expression) { mend_expression(**expression); });
    for (auto& child : op.children) mend_plan(*child);
}

void before_optimizer(duckdb::OptimizerExtensionInput& input, duckdb::unique_ptr<LogicalOperator>& plan) {
    QueryState* state = QueryState::of(input.context);
    if (state == nullptr) return;
    mend_plan(*plan);
    if (plan->type == LogicalOperatorType::LOGICAL_EXPLAIN) return;
    state->traced = PlanTrace(*state).run(*plan);
}

}  // namespace

void register_plan_hook(duckdb::DBConfig& config) {
    duckdb::OptimizerExtension extension;
    extension.pre_optimize_function = before_optimizer;
    duckdb::OptimizerExtension::Register(config, extension);
}

}  // namespace amp::query
