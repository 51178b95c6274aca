// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "catalog/manifest.hpp"

#include "base/json_text.hpp"
#include "base/nearest.hpp"
#include "base/sha256.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <map>

namespace amp::catalog {
namespace {

using nlohmann::json;

constexpr std::size_t kManifestBytesMax = 10 * 1024 * 1024;
constexpr std::size_t kTablesMax = 1'000;
constexpr std::size_t kNetworkBytesMax = 63;

template <typename... Args>
Error invalid(fmt::format_string<Args...> format, Args&&... args) {
    return make_error(Code::kInvalidArgument, format, std::forward<Args>(args)...)
        .with_reason("INVALID_MANIFEST");
}

template <typename... Args>
Error mismatch(fmt::format_string<Args...> format, Args&&... args) {
    return make_error(Code::kInvalidArgument, format, std::forward<Args>(args)...)
        .with_reason("MANIFEST_VALIDATION_ERROR");
}

/// A member that may be absent; null counts as absent.
const json* member(const json& object, const char* key) {
    const auto it = object.find(key);
    return it == object.end() || it->is_null() ? nullptr : &*it;
}

void warn_unknown_keys(const json& object, std::string_view place, const std::vector<std::string>& known,
                       std::vector<std::string>& warnings) {
    for (const auto& item : object.items()) {
        if (std::ranges::find(known, item.key()) != known.end()) continue;
        warnings.push_back(fmt::format("unknown key \"{}\" in {} is ignored{}", item.key(), place,
                                       did_you_mean(item.key(), known)));
    }
}

Result<std::optional<std::string>> optional_text(const json& object, const char* key) {
    const auto* value = member(object, key);
    if (value == nullptr) return std::optional<std::string>{};
    if (!value->is_string()) return invalid("manifest key \"{}\" must be a string", key);
    return std::optional(value->get<std::string>());
}

bool is_network_name(std::string_view name) {
    return !name.empty() && name.size() <= kNetworkBytesMax && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_' || c == '.';
    });
}

/// Fills in the keys that a nested field may leave out, so that equal types compare equal.
json complete_type(const json& type) {
    const auto complete_field = [](json field) {
        if (!field.is_object()) return field;
        if (const auto it = field.find("data_type"); it != field.end()) *it = complete_type(*it);
        for (const auto& [key, value] : {std::pair<const char*, json>{"dict_id", 0},
                                         {"dict_is_ordered", false},
                                         {"metadata", json::object()},
                                         {"nullable", false}}) {
            if (!field.contains(key)) field[key] = value;
        }
        return field;
    };
    if (!type.is_object() || type.size() != 1) return type;
    json result = type;
    if (const auto it = result.find("List"); it != result.end()) *it = complete_field(*it);
    if (const auto it = result.find("Struct"); it != result.end() && it->is_array()) {
        for (auto& field : *it) field = complete_field(field);
    }
    return result;
}

Result<std::vector<RawField>> parse_fields(const json& schema, std::string_view table) {
    const auto* arrow = schema.is_object() ? member(schema, "arrow") : nullptr;
    const auto* list = arrow != nullptr && arrow->is_object() ? member(*arrow, "fields") : nullptr;
    if (list == nullptr || !list->is_array()) {
        return invalid("table \"{}\": the schema must be {{\"arrow\":{{\"fields\":[..]}}}}", table);
    }
    std::vector<RawField> fields;
    for (const auto& item : *list) {
        const auto* name = item.is_object() ? member(item, "name") : nullptr;
        const auto* type = item.is_object() ? member(item, "type") : nullptr;
        const auto* nullable = item.is_object() ? member(item, "nullable") : nullptr;
        if (name == nullptr || !name->is_string() || type == nullptr ||
            (nullable != nullptr && !nullable->is_boolean())) {
            return invalid(
                "table \"{}\": field {} needs a \"name\" (string), a \"type\" and \"nullable\" (boolean)",
                table, fields.size());
        }
        fields.push_back({.name = name->get<std::string>(),
                          .type = complete_type(*type).dump(),
                          .nullable = nullable != nullptr && nullable->get<bool>()});
    }
    return fields;
}

/// Compares a given schema with the built-in one, of which added columns may be left out together and
/// `_block_num` alone. Returns the built-in fields that it stands for.
Result<std::vector<RawField>> match_fields(const std::vector<RawField>& given, const RawTable& table) {
    std::vector<std::string> names;
    for (const auto& field : table.fields) names.push_back(field.name);
    for (const auto& field : given) {
        if (std::ranges::find(names, field.name) != names.end()) continue;
        return mismatch("table \"{}\" has no column \"{}\"{}", table.name, field.name,
                        did_you_mean(field.name, names));
    }
    const bool with_added = std::ranges::any_of(given, [&](const RawField& field) {
        return std::ranges::any_of(table.fields,
                                   [&](const RawField& f) { return f.name == field.name && f.added; });
    });
    std::vector<RawField> expected;
    for (const auto& field : table.fields) {
        if (!field.added || with_added) expected.push_back(field);
    }
    std::size_t at = 0;
    for (const auto& field : expected) {
        const bool here = at < given.size() && given[at].name == field.name;
        if (!here && field.name == "_block_num" && at == 0) continue;
        if (!here) {
            const bool later =
                std::ranges::any_of(given, [&](const RawField& f) { return f.name == field.name; });
            return mismatch(
                "table \"{}\": column \"{}\" is {}; a given schema must be complete and in the built-in "
                "order",
                table.name, field.name, later ? "out of order" : "missing");
        }
        const auto built_in = complete_type(json::parse(field.type));
        if (json::parse(given[at].type) != built_in) {
            return mismatch("table \"{}\": column \"{}\" has type {} but must have {}", table.name,
                            field.name, given[at].type, field.type);
        }
        if (given[at].nullable != field.nullable) {
            return mismatch("table \"{}\": column \"{}\" must {}be nullable", table.name, field.name,
                            field.nullable ? "" : "not ");
        }
        ++at;
    }
    if (at != given.size()) {
        return mismatch("table \"{}\": column \"{}\" is given twice", table.name, given[at].name);
    }
    return expected;
}

std::string canonical_table(const std::vector<RawField>& fields, std::string_view network) {
    std::string out = R"({"schema":{"arrow":{"fields":[)";
    for (const auto& field : fields) {
        if (out.back() == '}') out += ',';
        out += R"({"name":)";
        append_json_quoted(out, field.name);
        out += fmt::format(R"(,"type":{},"nullable":{}}})", field.type, field.nullable);
    }
    out += R"(]}},"network":)";
    append_json_quoted(out, network);
    out += '}';
    return out;
}

Result<std::string> parse_table(std::string_view name, const json& body, const RawTable& table,
                                std::string_view network, std::vector<std::string>& warnings) {
    if (!body.is_object())
        return invalid("table \"{}\" must be an object, {{}} for the built-in schema", name);
    warn_unknown_keys(body, fmt::format("table \"{}\"", name), {"schema", "network"}, warnings);
    if (const auto* given = member(body, "network")) {
        if (!given->is_string()) return invalid("table \"{}\": \"network\" must be a string", name);
        if (given->get<std::string>() != network) {
            return mismatch("table \"{}\": network \"{}\" differs from the manifest's \"{}\"", name,
                            given->get<std::string>(), network);
        }
    }
    const auto* schema = member(body, "schema");
    if (schema == nullptr) return canonical_table(table.fields, network);
    TRY_ASSIGN(const auto given, parse_fields(*schema, name));
    TRY_ASSIGN(const auto fields, match_fields(given, table));
    return canonical_table(fields, network);
}

/// The canonical form of each table, by name.
Result<std::map<std::string, std::string>> parse_tables(const json& root, const RawKind& kind,
                                                        std::string_view network,
                                                        std::vector<std::string>& warnings) {
    std::map<std::string, std::string> tables;
    const auto* given = member(root, "tables");
    if (given != nullptr && !given->is_object()) return invalid("manifest key \"tables\" must be an object");
    if (given == nullptr || given->empty()) {
        for (const auto& table : kind.tables) tables[table.name] = canonical_table(table.fields, network);
        return tables;
    }
    if (given->size() > kTablesMax) return invalid("the manifest has more than {} tables", kTablesMax);
    std::vector<std::string> names;
    for (const auto& table : kind.tables) names.push_back(table.name);
    for (const auto& item : given->items()) {
        const auto known = std::ranges::find(kind.tables, item.key(), &RawTable::name);
        if (known == kind.tables.end()) {
            return mismatch("a dataset of kind \"{}\" has no table \"{}\"{}; its tables are {}", kind.kind,
                            item.key(), did_you_mean(item.key(), names), fmt::join(names, ", "));
        }
        TRY_ASSIGN(tables[item.key()], parse_table(item.key(), item.value(), *known, network, warnings));
    }
    return tables;
}

Result<> read_envelope(const json& root, Manifest& manifest) {
    TRY_ASSIGN(manifest.ns, optional_text(root, "namespace"));
    TRY_ASSIGN(manifest.name, optional_text(root, "name"));
    TRY_ASSIGN(manifest.version, optional_text(root, "version"));
    TRY(optional_text(root, "description"));
    if (manifest.name && !is_dataset_name(*manifest.name)) {
        return invalid(
            "manifest key \"name\": \"{}\" is no dataset name (1 to 63 of a-z, 0-9 and _, no digit first)",
            *manifest.name);
    }
    if (manifest.ns && !parse_reference(*manifest.ns + "/x").ok()) {
        return invalid("manifest key \"namespace\": \"{}\" must be 1 to 63 of the characters a-z, 0-9 and _",
                       *manifest.ns);
    }
    if (manifest.version && !compare_versions(*manifest.version, *manifest.version)) {
        return invalid("manifest key \"version\": \"{}\" is no version like 1.2.0", *manifest.version);
    }
    return {};
}

/// The sentence for a kind that the caller does not know.
Error unknown_kind(const std::string& kind, const Manifest& manifest, std::span<const RawKind> kinds) {
    const auto subject =
        manifest.name ? fmt::format("dataset \"{}\"", *manifest.name) : std::string("this dataset");
    const auto unsupported = [&](std::string_view what) {
        return make_error(Code::kUnsupported, "{} {} (kind \"{}\"), which this build cannot extract yet",
                          subject, what, kind)
            .with_reason("UNSUPPORTED_DATASET_KIND");
    };
    if (kind == "manifest") return unsupported("is derived by SQL");
    if (kind == "firehose") return unsupported("comes from a Firehose endpoint");
    if (kind == "eth-beacon") return unsupported("comes from the Beacon API");
    std::vector<std::string> names{"manifest", "firehose", "eth-beacon"};
    for (const auto& known : kinds) names.push_back(known.kind);
    return invalid("manifest key \"kind\": \"{}\" is unknown{}", kind, did_you_mean(kind, names));
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view text, std::span<const RawKind> kinds) {
    if (text.size() > kManifestBytesMax) {
        return invalid("the manifest has {} bytes, more than {}", text.size(), kManifestBytesMax);
    }
    json root;
    try {
        root = json::parse(text);
    } catch (const json::exception& e) {
        return invalid("the manifest is no valid JSON: {}", e.what());
    }
    if (!root.is_object()) return invalid("the manifest must be a JSON object");

    Manifest manifest;
    TRY(read_envelope(root, manifest));
    TRY_ASSIGN(const auto kind_name, optional_text(root, "kind"));
    if (!kind_name) return invalid("manifest key \"kind\" is missing");
    const auto kind = std::ranges::find(kinds, *kind_name, &RawKind::kind);
    if (kind == kinds.end()) return unknown_kind(*kind_name, manifest, kinds);
    manifest.kind = *kind_name;

    TRY_ASSIGN(const auto network, optional_text(root, "network"));
    if (!network) return invalid("manifest key \"network\" is missing");
    if (!is_network_name(*network)) {
        return invalid("manifest key \"network\": \"{}\" must be 1 to {} letters, digits, '-', '_' or '.'",
                       *network, kNetworkBytesMax);
    }
    manifest.network = *network;
    if (const auto* start = member(root, "start_block")) {
        if (!start->is_number_unsigned() ||
            start->get<std::uint64_t>() >
                static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
            return invalid("manifest key \"start_block\" must be a whole number from 0 to 2^63 - 1");
        }
        manifest.start_block = start->get<std::uint64_t>();
    }
    if (const auto* finalized = member(root, "finalized_blocks_only")) {
        if (!finalized->is_boolean())
            return invalid("manifest key \"finalized_blocks_only\" must be true or false");
        manifest.finalized_blocks_only = finalized->get<bool>();
    }
    warn_unknown_keys(root, "the manifest",
                      {"kind", "network", "start_block", "finalized_blocks_only", "tables", "namespace",
                       "name", "version", "description"},
                      manifest.warnings);
    TRY_ASSIGN(const auto tables, parse_tables(root, *kind, manifest.network, manifest.warnings));

    auto& out = manifest.canonical;
    out = R"({"kind":)" + json_quote(manifest.kind) + R"(,"network":)" + json_quote(manifest.network);
    out += fmt::format(R"(,"start_block":{},"finalized_blocks_only":{},"tables":{{)", manifest.start_block,
                       manifest.finalized_blocks_only);
    for (const auto& [name, body] : tables) {
        if (!manifest.tables.empty()) out += ',';
        manifest.tables.push_back(name);
        append_json_quoted(out, name);
        out += ':';
        out += body;
    }
    out += "}}";
    manifest.hash = to_hex(sha256(as_bytes(out)).view());
    return manifest;
}

}  // namespace amp::catalog
