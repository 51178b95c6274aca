// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "columnar/segment_metadata.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>

namespace amp::columnar {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kNozzleKey = "nozzle_metadata";
constexpr std::string_view kAmpKey = "amp_metadata";
constexpr std::string_view kGenerationKey = "generation";
constexpr std::string_view kParentsKey = "parent_file_ids";
constexpr std::int64_t kMicrosPerSecond = 1'000'000;

// Names come from configuration: bad UTF-8 in one must not end in an exception.
std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// The order of members is part of the format.
Json nozzle_json(const SegmentMetadata& metadata) {
    Json range;
    range["numbers"] = {{"start", metadata.range.start}, {"end", metadata.range.end}};
    range["network"] = metadata.network;
    range["hash"] = to_hex0x(metadata.hash.view());
    range["prev_hash"] = to_hex0x(metadata.prev_hash.view());
    range["timestamp"] = metadata.timestamp;
    Json json;
    json["table"] = metadata.table;
    json["filename"] = metadata.file_name;
    json["created_at"] = {{"secs", metadata.created_at_us / kMicrosPerSecond},
                          {"nanos", metadata.created_at_us % kMicrosPerSecond * 1000}};
    json["ranges"] = Json::array({std::move(range)});
    return json;
}

Json amp_json(const SegmentMetadata& metadata, const TableSpec& spec, std::int64_t rows) {
    Json verify = Json::object();
    for (const auto& [check, counts] : metadata.verify)
        verify[check] = {{"ok", counts.ok}, {"unverifiable", counts.unverifiable}};
    Json json;
    json["v"] = 1;
    json["cluster_id"] = metadata.cluster_id;
    json["dataset"] = metadata.dataset;
    json["manifest_hash"] = metadata.manifest_hash;
    json["kind"] = metadata.kind;
    json["network"] = metadata.network;
    json["chain_id"] = metadata.chain_id;
    json["revision"] = metadata.revision;
    json["group"] = metadata.group;
    json["schema"] = kSchemaVersion;
    json["rows"] = rows;
    json["blocks"] = metadata.blocks;
    json["final"] = metadata.final;
    json["sorted_by"] = spec.sorted_by;
    json["writer"] = metadata.writer;
    json["provider"] = metadata.provider.empty() ? Json(nullptr) : Json(metadata.provider);
    json["cursor"] = nullptr;
    json["verify"] = std::move(verify);
    json["overflows"] = metadata.overflows;
    json["inputs"] = metadata.inputs;
    return json;
}

// Reads members and remembers the first that cannot be read.
class Reader {
  public:
    Reader(const Json& object, std::string_view key) : object_(object), key_(key) {}

    const Json* find(const char* member) const {
        const auto at = object_.find(member);
        return at == object_.end() || at->is_null() ? nullptr : &*at;
    }

    void text(const char* member, std::string& out) {
        const Json* value = find(member);
        if (value == nullptr) return;
        if (!value->is_string()) return fail(member);
        out = value->get<std::string>();
    }

    void number(const char* member, std::uint64_t& out) {
        const Json* value = find(member);
        if (value == nullptr) return;
        if (!value->is_number_unsigned()) return fail(member);
        out = value->get<std::uint64_t>();
    }

    void flag(const char* member, bool& out) {
        const Json* value = find(member);
        if (value == nullptr) return;
        if (!value->is_boolean()) return fail(member);
        out = value->get<bool>();
    }

    // False if absent.
    bool hash(const char* member, Hash32& out) {
        const Json* value = find(member);
        if (value == nullptr) return false;
        const auto parsed =
            value->is_string() ? parse_fixed_hex<32>(value->get_ref<const std::string&>()) : std::nullopt;
        if (!parsed) {
            fail(member);
            return false;
        }
        out = *parsed;
        return true;
    }

    void require(const char* member) {
        if (find(member) == nullptr) fail(member);
    }

    void fail(const char* member) {
        if (bad_.empty()) bad_ = member;
    }

    Result<> result() const {
        if (bad_.empty()) return {};
        return make_error(Code::kCorruption, "member {} of footer key {} is missing or has the wrong type",
                          bad_, key_);
    }

  private:
    const Json& object_;
    std::string_view key_;
    std::string bad_;
};

Result<Json> parse_json(std::string_view key, const std::string& text) {
    Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded()) return make_error(Code::kCorruption, "footer key {} is not JSON", key);
    return json;
}

Result<Json> parse_object(std::string_view key, const std::string& text) {
    TRY_ASSIGN(Json json, parse_json(key, text));
    if (!json.is_object()) return make_error(Code::kCorruption, "footer key {} is not a JSON object", key);
    return json;
}

Result<> read_range(const Json& json, ParsedMetadata& out) {
    if (!json.is_object())
        return make_error(Code::kCorruption, "member ranges of footer key {} holds no object", kNozzleKey);
    Reader range(json, kNozzleKey);
    range.text("network", out.metadata.network);
    range.require("hash");
    range.hash("hash", out.metadata.hash);
    out.prev_hash_known = range.hash("prev_hash", out.metadata.prev_hash);
    range.number("timestamp", out.metadata.timestamp);
    const Json* numbers = range.find("numbers");
    if (numbers == nullptr || !numbers->is_object()) {
        range.fail("numbers");
        return range.result();
    }
    TRY(range.result());
    Reader bounds(*numbers, kNozzleKey);
    bounds.require("start");
    bounds.require("end");
    bounds.number("start", out.metadata.range.start);
    bounds.number("end", out.metadata.range.end);
    TRY(bounds.result());
    if (out.metadata.range.start > out.metadata.range.end)
        return make_error(Code::kCorruption, "footer key {} has an empty range {}", kNozzleKey,
                          to_string(out.metadata.range));
    return {};
}

Result<> read_nozzle(const std::string& text, ParsedMetadata& out) {
    TRY_ASSIGN(const Json json, parse_object(kNozzleKey, text));
    Reader reader(json, kNozzleKey);
    reader.require("table");
    reader.text("table", out.metadata.table);
    reader.text("filename", out.metadata.file_name);
    const Json* created = reader.find("created_at");
    std::uint64_t seconds = 0;
    std::uint64_t nanos = 0;
    if (created != nullptr && created->is_object()) {
        Reader time(*created, kNozzleKey);
        time.number("secs", seconds);
        time.number("nanos", nanos);
        TRY(time.result());
    } else if (created != nullptr) {
        reader.fail("created_at");
    }
    constexpr std::uint64_t kSecondsMax = std::numeric_limits<std::int64_t>::max() / kMicrosPerSecond - 1;
    if (seconds > kSecondsMax || nanos >= 1'000'000'000) reader.fail("created_at");
    TRY(reader.result());
    out.metadata.created_at_us = static_cast<std::int64_t>(seconds * kMicrosPerSecond + nanos / 1000);
    const Json* ranges = reader.find("ranges");
    if (ranges == nullptr || !ranges->is_array() || ranges->size() != 1)
        return make_error(Code::kCorruption, "member ranges of footer key {} must hold exactly one range",
                          kNozzleKey);
    return read_range(ranges->front(), out);
}

Result<> read_amp(const std::string& text, ParsedMetadata& out) {
    TRY_ASSIGN(const Json json, parse_object(kAmpKey, text));
    SegmentMetadata& metadata = out.metadata;
    Reader reader(json, kAmpKey);
    reader.text("cluster_id", metadata.cluster_id);
    reader.text("dataset", metadata.dataset);
    reader.text("manifest_hash", metadata.manifest_hash);
    reader.text("kind", metadata.kind);
    reader.number("chain_id", metadata.chain_id);
    reader.text("revision", metadata.revision);
    reader.text("group", metadata.group);
    reader.number("blocks", metadata.blocks);
    reader.flag("final", metadata.final);
    reader.text("writer", metadata.writer);
    reader.text("provider", metadata.provider);
    reader.number("overflows", metadata.overflows);
    if (const Json* inputs = reader.find("inputs")) {
        if (!inputs->is_array()) reader.fail("inputs");
        for (const Json& input : *inputs) {
            if (!input.is_string()) {
                reader.fail("inputs");
                break;
            }
            metadata.inputs.push_back(input.get<std::string>());
        }
    }
    if (const Json* verify = reader.find("verify")) {
        if (!verify->is_object()) reader.fail("verify");
        for (const auto& [check, counts] : verify->items()) {
            if (!counts.is_object()) {
                reader.fail("verify");
                break;
            }
            Reader members(counts, kAmpKey);
            CheckCounts& into = metadata.verify[check];
            members.number("ok", into.ok);
            members.number("unverifiable", into.unverifiable);
            TRY(members.result());
        }
    }
    out.ours = true;
    return reader.result();
}

Result<> read_generation(const std::string& text, SegmentMetadata& metadata) {
    TRY_ASSIGN(const Json json, parse_json(kGenerationKey, text));
    if (!json.is_number_unsigned())
        return make_error(Code::kCorruption, "footer key {} is not a number", kGenerationKey);
    metadata.generation = json.get<std::uint64_t>();
    return {};
}

Result<> read_parents(const std::string& text, SegmentMetadata& metadata) {
    TRY_ASSIGN(const Json json, parse_json(kParentsKey, text));
    const bool valid = json.is_array() && std::all_of(json.begin(), json.end(),
                                                      [](const Json& id) { return id.is_number_integer(); });
    if (!valid) return make_error(Code::kCorruption, "footer key {} is not an array of numbers", kParentsKey);
    for (const Json& id : json) metadata.parent_file_ids.push_back(id.get<std::int64_t>());
    return {};
}

}  // namespace

KeyValues footer_key_values(const SegmentMetadata& metadata, const TableSpec& spec, std::int64_t rows) {
    return {
        {std::string(kNozzleKey), dump(nozzle_json(metadata))},
        {std::string(kParentsKey), dump(Json(metadata.parent_file_ids))},
        {std::string(kGenerationKey), std::to_string(metadata.generation)},
        {std::string(kAmpKey), dump(amp_json(metadata, spec, rows))},
    };
}

std::string metadata_json(const SegmentMetadata& metadata, const TableSpec& spec, std::int64_t rows) {
    Json json;
    json[std::string(kNozzleKey)] = nozzle_json(metadata);
    json[std::string(kAmpKey)] = amp_json(metadata, spec, rows);
    json[std::string(kGenerationKey)] = metadata.generation;
    json[std::string(kParentsKey)] = metadata.parent_file_ids;
    return dump(json);
}

Result<ParsedMetadata> parse_footer_key_values(const KeyValues& key_values) {
    ParsedMetadata out;
    bool found = false;
    for (const auto& [key, value] : key_values) {
        if (key == kNozzleKey) {
            TRY(read_nozzle(value, out));
            found = true;
        } else if (key == kAmpKey) {
            TRY(read_amp(value, out));
        } else if (key == kGenerationKey) {
            TRY(read_generation(value, out.metadata));
        } else if (key == kParentsKey) {
            TRY(read_parents(value, out.metadata));
        }
    }
    if (!found) return make_error(Code::kNotFound, "the footer has no key {}", kNozzleKey);
    return out;
}

}  // namespace amp::columnar
