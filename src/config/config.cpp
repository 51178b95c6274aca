// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "config/config.hpp"

#include "base/log.hpp"
#include "base/nearest.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <variant>

namespace amp::config {
namespace {

namespace fs = std::filesystem;

using Member = std::variant<std::string Config::*, std::int64_t Config::*, double Config::*, bool Config::*>;

struct Row {
    std::string_view key;
    Member member;
    std::string_view help;
    double min = 0;
    double max = 9e15;
    bool secret = false;
};

const std::vector<Row>& table() {
    static const std::vector<Row> rows = {
        {"data_dir", &Config::data_dir,
         "root of the Parquet files: a directory, or a bucket such as s3://BUCKET/PREFIX?region=R"},
        {"providers_dir", &Config::providers_dir, "provider files, one endpoint each"},
        {"datasets_dir", &Config::datasets_dir, "manifests by dataset name"},
        {"manifests_dir", &Config::manifests_dir, "canonical manifests by hash"},
        {"flight_addr", &Config::flight_addr, "listener of Arrow Flight"},
        {"jsonl_addr", &Config::jsonl_addr, "listener of JSON Lines over HTTP"},
        {"max_mem_mb", &Config::max_mem_mb, "memory of the process; 0 = 60 % of the machine or cgroup"},
        {"query_max_mem_mb", &Config::query_max_mem_mb, "memory of all queries; 0 = half of max_mem_mb"},
        {"spill_location", &Config::spill_location,
         "scratch directory for queries larger than memory; empty = none"},
        {"poll_interval_secs", &Config::poll_interval_secs, "slowest pace of head polling", 0.01, 3600},
        {"metadata_db.url", &Config::metadata_db_url, "sqlite:PATH or postgresql://..", 0, 0, true},
        {"metadata_db.schema", &Config::metadata_db_schema, "PostgreSQL schema"},
        {"metadata_db.auto_migrate", &Config::metadata_db_auto_migrate,
         "migrate an empty or older store at start"},
        {"metadata_db.pool_size", &Config::metadata_db_pool_size, "PostgreSQL connections", 1, 1000},
        {"metadata_db.busy_timeout_ms", &Config::metadata_db_busy_timeout_ms, "SQLite lock wait", 0, 600'000},
        {"metadata_db.connect_retry_secs", &Config::metadata_db_connect_retry_secs,
         "how long to try at start", 0, 3600},
        {"query.timeout_secs", &Config::query_timeout_secs, "limit of one query", 0.001, 86'400},
        {"query.max_concurrent", &Config::query_max_concurrent, "running queries; 0 = 4 x cores", 0, 100'000},
        {"query.max_queued", &Config::query_max_queued, "queries waiting; more are refused", 0, 100'000},
        {"query.max_spill_mb", &Config::query_max_spill_mb, "bound of the spill directory", 0, 1e9},
        {"query.stale_catalog_secs", &Config::query_stale_catalog_secs,
         "serve the last snapshot that long while the metadata store is down", 1, 1e6},
        {"extract.verify", &Config::extract_verify, "check every block against its own header"},
        {"extract.reorg_depth", &Config::extract_reorg_depth,
         "finality distance of nodes without one; 0 = by network", 0, 1e6},
        {"extract.max_inflight_mb", &Config::extract_max_inflight_mb, "answers held in memory by the process",
         1, 1e6},
        {"writer.compression", &Config::writer_compression,
         "uncompressed snappy gzip(N) brotli(N) lz4 zstd(N)"},
        {"writer.bytes", &Config::writer_bytes, "target size of a segment", 1024, 9e15},
        {"writer.max_row_group_mb", &Config::writer_max_row_group_mb, "row groups are cut at this size", 1,
         4096},
        {"writer.segment_flush_interval_secs", &Config::writer_segment_flush_interval_secs,
         "an open segment is committed after this time", 0.05, 86'400},
        {"worker.heartbeat_interval_secs", &Config::worker_heartbeat_interval_secs, "", 0.05, 3600},
        {"worker.lease_ttl_secs", &Config::worker_lease_ttl_secs,
         "a silent worker loses its shards after this time; at least 3 heartbeats", 0.15, 3600},
        {"worker.node_id", &Config::worker_node_id, "name of this worker; outlives its processes"},
        {"worker.slots", &Config::worker_slots, "shards of this worker at once; 0 = cores, at most 16", 0,
         1024},
        {"worker.labels", &Config::worker_labels,
         "KEY=VALUE pairs with commas between, which jobs select by"},
        {"worker.health_file", &Config::worker_health_file,
         "file touched after each heartbeat; empty = none"},
        {"worker.reconcile_interval_secs", &Config::worker_reconcile_interval_secs,
         "a worker compares its work with the store at least this often", 0.05, 86'400},
        {"worker.drain_timeout_secs", &Config::worker_drain_timeout_secs,
         "a stopping worker abandons its shards after this time", 0.05, 86'400},
        {"worker.outage_max_secs", &Config::worker_outage_max_secs,
         "finished segments wait so long for a lost metadata store", 0, 86'400},
        {"admin_api_addr", &Config::admin_api_addr, "listener of the Admin API"},
        {"admin.auth_token", &Config::admin_auth_token, "bearer token of the Admin API; empty = none", 0, 0,
         true},
        {"admin.read_token", &Config::admin_read_token, "bearer token that may only read", 0, 0, true},
        {"admin.max_body_mb", &Config::admin_max_body_mb, "largest request body of the Admin API", 1, 1024},
        {"admin.request_timeout_secs", &Config::admin_request_timeout_secs, "to receive one request", 0.1,
         3600},
        {"controller.scheduler", &Config::controller_scheduler, "false: only the Admin API"},
        {"controller.tick_secs", &Config::controller_tick_secs, "the scheduler looks at least this often",
         0.05, 3600},
        {"jobs.parallelism", &Config::jobs_parallelism, "shards of a job at once; 0 = automatic", 0, 1024},
        {"jobs.shard_blocks", &Config::jobs_shard_blocks, "blocks of a shard; 0 = automatic", 0, 1e9},
        {"jobs.max_attempts", &Config::jobs_max_attempts,
         "failures of a shard in a row without progress; 0 = no limit", 0, 1e6},
        {"jobs.backoff_base_secs", &Config::jobs_backoff_base_secs, "first delay after a failure; doubles",
         0.001, 3600},
        {"jobs.backoff_max_secs", &Config::jobs_backoff_max_secs, "longest delay after a failure", 0.001,
         86'400},
        {"jobs.poison_crashes", &Config::jobs_poison_crashes,
         "lost workers in a row after which a shard fails its job", 1, 1000},
        {"log.level", &Config::log_level, "error warn info debug trace"},
        {"log.format", &Config::log_format, "text or json"},
    };
    return rows;
}

const std::map<std::string_view, std::string_view> kOldSpellings = {{"metadata_db_url", "metadata_db.url"},
                                                                    {"dataset_defs_dir", "datasets_dir"}};

const Row* find_row(std::string_view key) {
    const auto& rows = table();
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.key == key; });
    return found == rows.end() ? nullptr : &*found;
}

std::vector<std::string> all_keys() {
    std::vector<std::string> keys;
    for (const auto& row : table()) keys.emplace_back(row.key);
    return keys;
}

std::string default_text(const Row& row, const Config& config) {
    return std::visit(
        [&](auto member) -> std::string {
            const auto& value = config.*member;
            using T = std::remove_cvref_t<decltype(value)>;
            if constexpr (std::is_same_v<T, std::string>) {
                return fmt::format("\"{}\"", value);
            } else if constexpr (std::is_same_v<T, bool>) {
                return value ? "true" : "false";
            } else {
                return fmt::format("{}", value);
            }
        },
        row.member);
}

// Collects every problem, so that a user mends a file in one go.
class Loader {
  public:
    Loader(Loaded& loaded, const LoadRequest& request) : loaded_(loaded), request_(request) {}

    void apply_file(const fs::path& path) {
        toml::parse_result parsed;
        try {
            parsed = toml::parse_file(path.string());
        } catch (const toml::parse_error& failure) {
            problem(fmt::format("{}:{}", path.string(), failure.source().begin.line),
                    std::string(failure.description()));
            return;
        }
        apply_table(parsed, "", path.string());
    }

    void apply_environment() {
        constexpr std::string_view kPrefix = "AMP_CONFIG_";
        for (const auto& [name, value] : request_.environment) {
            if (!name.starts_with(kPrefix)) continue;
            std::string key;
            const std::string rest = name.substr(kPrefix.size());
            for (std::size_t i = 0; i < rest.size(); ++i) {
                if (rest.compare(i, 2, "__") == 0) {
                    key += '.';
                    ++i;
                } else {
                    key += static_cast<char>(std::tolower(static_cast<unsigned char>(rest[i])));
                }
            }
            apply_text(key, value, name, Source::kEnvironment);
        }
    }

    void apply_assignments() {
        for (const auto& assignment : request_.assignments) {
            const auto equals = assignment.find('=');
            if (equals == std::string::npos) {
                problem("--set", fmt::format("\"{}\" is not KEY=VALUE", assignment));
                continue;
            }
            apply_text(assignment.substr(0, equals), assignment.substr(equals + 1), "--set", Source::kFlag);
        }
    }

    void check_relations() {
        const auto& config = loaded_.config;
        if (config.worker_lease_ttl_secs < 3 * config.worker_heartbeat_interval_secs)
            problem("worker.lease_ttl_secs", "must be at least 3 x worker.heartbeat_interval_secs");
        for (const char* level : {"error", "warn", "info", "debug", "trace"})
            if (config.log_level == level) goto level_ok;
        problem("log.level",
                fmt::format("\"{}\" is none of error, warn, info, debug, trace", config.log_level));
    level_ok:
        if (config.log_format != "text" && config.log_format != "json")
            problem("log.format", fmt::format("\"{}\" is neither text nor json", config.log_format));
    }

    Result<> finish() {
        if (problems_.empty()) return {};
        std::string text;
        for (const auto& line : problems_) text += (text.empty() ? "" : "\n") + line;
        return Error{Code::kInvalidArgument, text, "CONFIG"};
    }

  private:
    void problem(std::string_view place, std::string_view text) {
        problems_.push_back(fmt::format("{}: {}", place, text));
    }

    void apply_table(const toml::table& values, const std::string& prefix, const std::string& file) {
        for (const auto& [name, node] : values) {
            const std::string key = prefix + std::string(name.str());
            const std::string place = fmt::format("{}:{}", file, node.source().begin.line);
            const bool is_leaf = find_row(key) != nullptr || !node.is_table();
            if (is_leaf) {
                apply_node(key, node, place, Source::kFile);
            } else {
                apply_table(*node.as_table(), key + ".", file);
            }
        }
    }

    // Values of variables and flags are TOML, else plain strings.
    void apply_text(const std::string& key, const std::string& text, const std::string& place,
                    Source source) {
        try {
            const auto parsed = toml::parse("value = " + text);
            if (const auto* node = parsed.get("value"); node != nullptr && parsed.size() == 1)
                return apply_node(key, *node, place, source);
        } catch (const toml::parse_error&) {
            // Not TOML: a plain string.
        }
        const toml::value<std::string> plain(text);
        apply_node(key, plain, place, source);
    }

    void apply_node(std::string key, const toml::node& node, const std::string& place, Source source) {
        if (const auto old = kOldSpellings.find(key); old != kOldSpellings.end()) {
            loaded_.warnings.push_back(
                fmt::format("{}: \"{}\" is now called \"{}\"", place, key, old->second));
            key = old->second;
        }
        bool from_file = false;
        const Row* row = find_row(key);
        if (row == nullptr && key.ends_with("_file")) {
            row = find_row(std::string_view(key).substr(0, key.size() - 5));
            from_file = row != nullptr && row->secret;
            if (!from_file) row = nullptr;
        }
        if (row == nullptr) {
            problem(place, fmt::format("{}: unknown key{}", key, did_you_mean(key, all_keys())));
            return;
        }
        if (assign(*row, node, place, from_file)) loaded_.sources[std::string(row->key)] = source;
    }

    bool assign(const Row& row, const toml::node& node, const std::string& place, bool from_file) {
        return std::visit(
            [&](auto member) { return assign_typed(row, loaded_.config.*member, node, place, from_file); },
            row.member);
    }

    bool in_bounds(const Row& row, double value, const std::string& place) {
        if (value >= row.min && value <= row.max) return true;
        problem(place, fmt::format("{}: {} is out of bounds ({} to {})", row.key, value, row.min, row.max));
        return false;
    }

    bool assign_typed(const Row& row, std::string& target, const toml::node& node, const std::string& place,
                      bool from_file) {
        const auto text = node.value_exact<std::string>();
        if (!text) {
            problem(place, fmt::format("{}: must be a string", row.key));
            return false;
        }
        auto expanded = interpolate(*text, request_.environment);
        if (!expanded.ok()) {
            problem(place, fmt::format("{}: {}", row.key, expanded.error().message));
            return false;
        }
        if (!from_file) {
            target = *expanded;
            return true;
        }
        std::ifstream file(*expanded);
        std::stringstream content;
        content << file.rdbuf();
        if (!file) {
            problem(place, fmt::format("{}_file: cannot read {}", row.key, *expanded));
            return false;
        }
        struct stat info {};
        if (::stat(expanded->c_str(), &info) == 0 && (info.st_mode & S_IROTH) != 0)
            loaded_.warnings.push_back(
                fmt::format("{}_file: {} can be read by others: chmod o-r it", row.key, *expanded));
        target = content.str();
        if (target.ends_with('\n')) target.pop_back();
        return true;
    }

    bool assign_typed(const Row& row, std::int64_t& target, const toml::node& node, const std::string& place,
                      bool) {
        const auto value = node.value_exact<std::int64_t>();
        if (!value) {
            problem(place, fmt::format("{}: must be a whole number", row.key));
            return false;
        }
        if (!in_bounds(row, static_cast<double>(*value), place)) return false;
        target = *value;
        return true;
    }

    bool assign_typed(const Row& row, double& target, const toml::node& node, const std::string& place,
                      bool) {
        const auto value = node.is_number() ? node.value<double>() : std::nullopt;
        if (!value) {
            problem(place, fmt::format("{}: must be a number", row.key));
            return false;
        }
        if (!in_bounds(row, *value, place)) return false;
        target = *value;
        return true;
    }

    bool assign_typed(const Row& row, bool& target, const toml::node& node, const std::string& place, bool) {
        const auto value = node.value_exact<bool>();
        if (!value) {
            problem(place, fmt::format("{}: must be true or false", row.key));
            return false;
        }
        target = *value;
        return true;
    }

    Loaded& loaded_;
    const LoadRequest& request_;
    std::vector<std::string> problems_;
};

}  // namespace

std::string_view to_string(Source source) {
    switch (source) {
        case Source::kDefault:
            return "default";
        case Source::kFile:
            return "file";
        case Source::kEnvironment:
            return "environment";
        case Source::kFlag:
            return "flag";
    }
    return "default";
}

std::vector<Option> options() {
    std::vector<Option> out;
    for (const auto& row : table()) out.push_back({row.key, row.help, row.secret});
    return out;
}

std::map<std::string, std::string, std::less<>> process_environment() {
    std::map<std::string, std::string, std::less<>> out;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const auto equals = text.find('=');
        if (equals != std::string_view::npos) out.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return out;
}

Result<std::string> interpolate(std::string_view text,
                                const std::map<std::string, std::string, std::less<>>& environment) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        if (text.substr(i).starts_with("$${")) {
            out += "${";
            i += 3;
            continue;
        }
        if (!text.substr(i).starts_with("${")) {
            out += text[i++];
            continue;
        }
        const auto end = text.find('}', i);
        if (end == std::string_view::npos)
            return make_error(Code::kInvalidArgument,
                              "\"${{\" without \"}}\"; write \"$${{\" for a literal one");
        std::string_view name = text.substr(i + 2, end - i - 2);
        std::optional<std::string_view> fallback;
        if (const auto colon = name.find(":-"); colon != std::string_view::npos) {
            fallback = name.substr(colon + 2);
            name = name.substr(0, colon);
        }
        if (const auto found = environment.find(name); found != environment.end()) {
            out += found->second;
        } else if (fallback) {
            out += *fallback;
        } else {
            return make_error(Code::kInvalidArgument, "the environment variable {} is not set", name);
        }
        i = end + 1;
    }
    return out;
}

Result<Loaded> load(const LoadRequest& request) {
    Loaded loaded;
    std::error_code failure;
    loaded.base_dir =
        request.base_dir.empty() ? fs::current_path(failure) : fs::absolute(request.base_dir, failure);
    if (failure)
        return make_error(Code::kInvalidArgument, "--dir {}: {}", request.base_dir, failure.message());
    if (!fs::is_directory(loaded.base_dir)) {
        fs::create_directories(loaded.base_dir, failure);
        if (failure)
            return make_error(
                failure == std::errc::permission_denied ? Code::kPermissionDenied : Code::kInvalidArgument,
                "cannot create the directory {}: {}", loaded.base_dir.string(), failure.message());
    }
    if (request.file) {
        loaded.file = fs::absolute(*request.file, failure);
        if (!fs::is_regular_file(loaded.file))
            return make_error(Code::kInvalidArgument, "--config {}: there is no such file", *request.file);
    } else if (fs::is_regular_file(loaded.base_dir / "amp.toml")) {
        loaded.file = loaded.base_dir / "amp.toml";
    }
    Loader loader(loaded, request);
    if (!loaded.file.empty()) loader.apply_file(loaded.file);
    loader.apply_environment();
    loader.apply_assignments();
    loader.check_relations();
    TRY(loader.finish());
    return loaded;
}

std::string sample() {
    const Config defaults;
    std::string out = "# Amp configuration: every key at its default.\n";
    std::string section;
    for (const auto& row : table()) {
        const auto dot = row.key.find('.');
        const std::string in(dot == std::string_view::npos ? "" : row.key.substr(0, dot));
        if (in != section) {
            section = in;
            out += fmt::format("\n[{}]\n", section);
        }
        if (!row.help.empty()) out += fmt::format("# {}\n", row.help);
        out += fmt::format("#{} = {}\n", dot == std::string_view::npos ? row.key : row.key.substr(dot + 1),
                           default_text(row, defaults));
    }
    return out;
}

std::string print(const Loaded& loaded) {
    std::string out;
    for (const auto& row : table()) {
        const auto source = loaded.sources.find(row.key);
        std::string value = default_text(row, loaded.config);
        if (row.secret && source != loaded.sources.end()) value = "\"***\"";
        out += fmt::format("{} = {}  # {}\n", row.key, value,
                           to_string(source == loaded.sources.end() ? Source::kDefault : source->second));
    }
    return out;
}

std::string resolve_path(const Loaded& loaded, std::string_view key, std::string_view value) {
    if (value.find("://") != std::string_view::npos || value.starts_with('/')) return std::string(value);
    const auto source = loaded.sources.find(key);
    const bool of_file = source != loaded.sources.end() && source->second == Source::kFile;
    return ((of_file ? loaded.file.parent_path() : loaded.base_dir) / value).lexically_normal().string();
}

}  // namespace amp::config
