// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "catalog/manifest.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace amp::catalog {
namespace {

/// A semantic version, https://semver.org/spec/v2.0.0.html. Numbers stay text: they have no bound.
struct Version {
    std::array<std::string_view, 3> core;
    std::vector<std::string_view> prerelease;
};

bool is_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_number(std::string_view text) { return is_digits(text) && (text.size() == 1 || text.front() != '0'); }

bool is_identifier(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
    });
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

std::optional<Version> parse_version(std::string_view text) {
    if (text.size() > 255) return std::nullopt;
    if (const auto plus = text.find('+'); plus != std::string_view::npos) {
        if (!std::ranges::all_of(split(text.substr(plus + 1), '.'), is_identifier)) return std::nullopt;
        text = text.substr(0, plus);
    }
    Version version;
    if (const auto dash = text.find('-'); dash != std::string_view::npos) {
        version.prerelease = split(text.substr(dash + 1), '.');
        const auto valid = [](std::string_view part) {
            return is_identifier(part) && (!is_digits(part) || is_number(part));
        };
        if (!std::ranges::all_of(version.prerelease, valid)) return std::nullopt;
        text = text.substr(0, dash);
    }
    const auto core = split(text, '.');
    if (core.size() != 3 || !std::ranges::all_of(core, is_number)) return std::nullopt;
    std::ranges::copy(core, version.core.begin());
    return version;
}

int sign(std::strong_ordering order) { return order < 0 ? -1 : order > 0 ? 1 : 0; }

int compare_numbers(std::string_view a, std::string_view b) {
    return sign(std::pair(a.size(), a) <=> std::pair(b.size(), b));
}

int compare_identifiers(std::string_view a, std::string_view b) {
    if (is_digits(a) && is_digits(b)) return compare_numbers(a, b);
    if (is_digits(a) != is_digits(b)) return is_digits(a) ? -1 : 1;
    return sign(a <=> b);
}

}  // namespace

std::optional<int> compare_versions(std::string_view a, std::string_view b) {
    const auto left = parse_version(a);
    const auto right = parse_version(b);
    if (!left || !right) return std::nullopt;
    for (std::size_t i = 0; i < 3; ++i) {
        if (const int c = compare_numbers(left->core[i], right->core[i]); c != 0) return c;
    }
    if (left->prerelease.empty() || right->prerelease.empty()) {
        return sign(left->prerelease.empty() <=> right->prerelease.empty());
    }
    const auto common = std::min(left->prerelease.size(), right->prerelease.size());
    for (std::size_t i = 0; i < common; ++i) {
        if (const int c = compare_identifiers(left->prerelease[i], right->prerelease[i]); c != 0) return c;
    }
    return sign(left->prerelease.size() <=> right->prerelease.size());
}

}  // namespace amp::catalog
