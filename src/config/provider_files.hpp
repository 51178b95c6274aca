// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace amp::config {

using ProviderValue = std::variant<std::string, std::int64_t, double, bool>;

/// One provider as written, secrets expanded. Values are checked against the key table of the provider
/// reference.
struct ProviderEntry {
    std::string name;    // relative path of the file without .toml, or the name inside the variable
    std::string source;  // file or environment
    std::map<std::string, ProviderValue, std::less<>> values;
    std::map<std::string, std::string, std::less<>> headers;
    std::string error;  // not empty: unusable, and why

    std::string text(std::string_view key, std::string_view fallback = {}) const;
    std::int64_t number(std::string_view key, std::int64_t fallback) const;
    double real(std::string_view key, double fallback) const;
    bool flag(std::string_view key, bool fallback) const;
};

/// Reads `<directory>/**/*.toml` and AMP_PROVIDER__<NAME>__<KEY> variables, which win over files of the same
/// name. A bad file is listed with its error, never fatal. A missing directory is no provider.
std::vector<ProviderEntry> load_providers(const std::filesystem::path& directory,
                                          const std::map<std::string, std::string, std::less<>>& environment);

/// Reads one provider from TOML text; `place` names it in errors.
ProviderEntry parse_provider(std::string_view toml, std::string name, const std::string& place,
                             const std::map<std::string, std::string, std::less<>>& environment);

}  // namespace amp::config
