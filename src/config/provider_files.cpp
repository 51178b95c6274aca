// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "config/provider_files.hpp"

#include "base/nearest.hpp"
#include "config/config.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace amp::config {
namespace {

namespace fs = std::filesystem;

enum class Kind : std::uint8_t { kText, kNumber, kReal, kFlag };

struct Key {
    std::string_view name;
    Kind kind;
    double min = 0;
    double max = 9e15;
    bool secret = false;
};

constexpr Key kKeys[] = {
    {"kind", Kind::kText},
    {"network", Kind::kText},
    {"url", Kind::kText, 0, 0, true},
    {"name", Kind::kText},
    {"priority", Kind::kNumber, -1e9, 1e9},
    {"disabled", Kind::kFlag},
    {"chain_id", Kind::kNumber, 1},
    {"concurrent_request_limit", Kind::kNumber, 1, 1e6},
    {"rate_limit_per_minute", Kind::kNumber, 1, 1e9},
    {"rate_limit_unit", Kind::kText},
    {"rpc_batch_size", Kind::kNumber, 0, 10'000},
    {"fetch_receipts_per_tx", Kind::kFlag},
    {"renumber_logs", Kind::kFlag},
    {"timeout_secs", Kind::kReal, 0.001, 86'400},
    {"connect_timeout_secs", Kind::kReal, 0.001, 86'400},
    {"max_message_mb", Kind::kNumber, 1, 4096},
    {"auth_token", Kind::kText, 0, 0, true},
    {"auth_header", Kind::kText},
    {"tls_ca_file", Kind::kText},
    {"tls_cert_file", Kind::kText},
    {"tls_key_file", Kind::kText},
    {"proxy_url", Kind::kText, 0, 0, true},
};

const Key* find_key(std::string_view name) {
    const auto found =
        std::find_if(std::begin(kKeys), std::end(kKeys), [&](const Key& key) { return key.name == name; });
    return found == std::end(kKeys) ? nullptr : found;
}

std::vector<std::string> key_names() {
    std::vector<std::string> names{"headers"};
    for (const auto& key : kKeys) names.emplace_back(key.name);
    return names;
}

using Environment = std::map<std::string, std::string, std::less<>>;

Result<std::string> read_secret(const std::string& path) {
    std::ifstream file(path);
    std::stringstream content;
    content << file.rdbuf();
    if (!file) return make_error(Code::kInvalidArgument, "cannot read {}", path);
    std::string text = content.str();
    if (text.ends_with('\n')) text.pop_back();
    return text;
}

Result<> take_value(ProviderEntry& entry, std::string_view name, const toml::node& node,
                    const Environment& environment) {
    bool from_file = false;
    const Key* key = find_key(name);
    if (key == nullptr && name.ends_with("_file")) {
        key = find_key(name.substr(0, name.size() - 5));
        from_file = key != nullptr && key->secret;
        if (!from_file) key = nullptr;
    }
    if (key == nullptr)
        return make_error(Code::kInvalidArgument, "{}: unknown key{}", name, did_you_mean(name, key_names()));
    if (entry.values.contains(key->name))
        return make_error(Code::kInvalidArgument, "{0}: both {0} and {0}_file are given", key->name);
    if (key->kind == Kind::kText) {
        const auto text = node.value_exact<std::string>();
        if (!text) return make_error(Code::kInvalidArgument, "{}: must be a string", name);
        const bool literal = name == "kind" || name == "network" || name == "name";
        std::string value = *text;
        if (!literal) {
            TRY_ASSIGN(value, interpolate(*text, environment));
        }
        if (from_file) {
            TRY_ASSIGN(value, read_secret(value));
        }
        entry.values.emplace(key->name, std::move(value));
        return {};
    }
    if (key->kind == Kind::kFlag) {
        const auto value = node.value_exact<bool>();
        if (!value) return make_error(Code::kInvalidArgument, "{}: must be true or false", name);
        entry.values.emplace(key->name, *value);
        return {};
    }
    const bool wrong_kind = key->kind == Kind::kNumber ? !node.is_integer() : !node.is_number();
    if (wrong_kind) return make_error(Code::kInvalidArgument, "{}: must be a number", name);
    const double value = *node.value<double>();
    if (value < key->min || value > key->max)
        return make_error(Code::kInvalidArgument, "{}: {} is out of bounds ({} to {})", name, value, key->min,
                          key->max);
    if (key->kind == Kind::kNumber) {
        entry.values.emplace(key->name, *node.value<std::int64_t>());
    } else {
        entry.values.emplace(key->name, value);
    }
    return {};
}

Result<> take_headers(ProviderEntry& entry, const toml::node& node, const Environment& environment) {
    const auto* headers = node.as_table();
    if (headers == nullptr) return make_error(Code::kInvalidArgument, "headers: must be a table");
    for (const auto& [name, value] : *headers) {
        const auto text = value.value_exact<std::string>();
        if (!text) return make_error(Code::kInvalidArgument, "headers.{}: must be a string", name.str());
        TRY_ASSIGN(auto expanded, interpolate(*text, environment));
        if (expanded.find_first_of("\r\n") != std::string::npos)
            return make_error(Code::kInvalidArgument, "headers.{}: has a line break", name.str());
        entry.headers.emplace(std::string(name.str()), std::move(expanded));
    }
    return {};
}

Result<> take_table(ProviderEntry& entry, const toml::table& values, const Environment& environment) {
    for (const auto& [name, node] : values) {
        if (name.str() == "headers") {
            TRY(take_headers(entry, node, environment));
        } else {
            TRY(take_value(entry, name.str(), node, environment));
        }
    }
    for (const char* required : {"kind", "network", "url"})
        if (!entry.values.contains(required))
            return make_error(Code::kInvalidArgument, "{}: is missing", required);
    const std::string url = entry.text("url");
    const auto scheme = url.find("://");
    if (scheme == 0 || (scheme == std::string::npos ? !url.starts_with('/') : scheme + 3 >= url.size()))
        return make_error(Code::kInvalidArgument, "url: must be like https://HOST/PATH");
    const std::string unit = entry.text("rate_limit_unit", "call");
    if (unit != "call" && unit != "request")
        return make_error(Code::kInvalidArgument, "rate_limit_unit: \"{}\" is neither call nor request",
                          unit);
    return {};
}

}  // namespace

std::string ProviderEntry::text(std::string_view key, std::string_view fallback) const {
    const auto found = values.find(key);
    return found == values.end() ? std::string(fallback) : std::get<std::string>(found->second);
}

std::int64_t ProviderEntry::number(std::string_view key, std::int64_t fallback) const {
    const auto found = values.find(key);
    return found == values.end() ? fallback : std::get<std::int64_t>(found->second);
}

double ProviderEntry::real(std::string_view key, double fallback) const {
    const auto found = values.find(key);
    return found == values.end() ? fallback : std::get<double>(found->second);
}

bool ProviderEntry::flag(std::string_view key, bool fallback) const {
    const auto found = values.find(key);
    return found == values.end() ? fallback : std::get<bool>(found->second);
}

ProviderEntry parse_provider(std::string_view toml, std::string name, const std::string& place,
                             const Environment& environment) {
    ProviderEntry entry;
    entry.name = std::move(name);
    entry.source = place;
    try {
        const toml::table values = toml::parse(toml);
        if (const auto taken = take_table(entry, values, environment); !taken.ok())
            entry.error = fmt::format("{}: {}", place, taken.error().message);
    } catch (const toml::parse_error& failure) {
        entry.error = fmt::format("{}:{}: {}", place, failure.source().begin.line, failure.description());
    }
    return entry;
}

std::vector<ProviderEntry> load_providers(const fs::path& directory, const Environment& environment) {
    std::map<std::string, ProviderEntry> by_name;
    std::error_code failure;
    fs::recursive_directory_iterator walk(directory, failure);
    for (const auto end = fs::recursive_directory_iterator(); !failure && walk != end;
         walk.increment(failure)) {
        if (!walk->is_regular_file() || walk->path().extension() != ".toml") continue;
        std::string name = fs::relative(walk->path(), directory).replace_extension().generic_string();
        std::ifstream file(walk->path());
        std::stringstream content;
        content << file.rdbuf();
        by_name[name] = parse_provider(content.str(), name, walk->path().string(), environment);
    }
    constexpr std::string_view kPrefix = "AMP_PROVIDER__";
    std::map<std::string, std::string> from_environment;  // name -> TOML text
    for (const auto& [variable, value] : environment) {
        if (!variable.starts_with(kPrefix)) continue;
        const auto split = variable.rfind("__");
        if (split < kPrefix.size()) continue;
        const auto lower = [](std::string text) {
            std::transform(text.begin(), text.end(), text.begin(),
                           [](unsigned char c) { return std::tolower(c); });
            return text;
        };
        const std::string name = lower(variable.substr(kPrefix.size(), split - kPrefix.size()));
        const std::string key = lower(variable.substr(split + 2));
        std::string line = key + " = " + value;
        try {
            static_cast<void>(toml::parse(line));
        } catch (const toml::parse_error&) {
            std::stringstream quoted;
            quoted << toml::value<std::string>(value);
            line = key + " = " + quoted.str();
        }
        from_environment[name] += line + "\n";
    }
    for (const auto& [name, text] : from_environment)
        by_name[name] = parse_provider(text, name, "environment AMP_PROVIDER__" + name, environment);
    std::vector<ProviderEntry> out;
    for (auto& [name, entry] : by_name) out.push_back(std::move(entry));
    return out;
}

}  // namespace amp::config
