// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/jsonl/content.hpp"

#include <algorithm>
#include <charconv>

namespace amp::serve {
namespace {

std::string_view trim(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

template <typename F>
void for_each_part(std::string_view text, char separator, F visit) {
    while (!text.empty()) {
        const auto end = std::min(text.find(separator), text.size());
        visit(trim(text.substr(0, end)));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

/// 3 = the name itself, 2 = its type, 1 = anything, 0 = something else.
int specificity(std::string_view range, std::string_view name) {
    if (range == name) return 3;
    if (range == "*/*" || range == "*") return 1;
    const auto slash = range.find('/');
    return slash != std::string_view::npos && range.substr(slash) == "/*" &&
                   name.starts_with(range.substr(0, slash + 1))
               ? 2
               : 0;
}

}  // namespace

double accept_quality(std::string_view header, std::string_view name) {
    int best = 0;
    double quality = 0;
    for_each_part(header, ',', [&](std::string_view entry) {
        const auto semicolon = std::min(entry.find(';'), entry.size());
        const int specific = specificity(lower(trim(entry.substr(0, semicolon))), name);
        if (specific <= best) return;
        best = specific;
        quality = 1;
        for_each_part(entry.substr(semicolon), ';', [&](std::string_view parameter) {
            if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) return;
            parameter.remove_prefix(2);
            if (std::from_chars(parameter.data(), parameter.data() + parameter.size(), quality).ec !=
                std::errc())
                quality = 0;
        });
    });
    return quality;
}

std::optional<std::string_view> choose_accepted(const std::optional<std::string>& header,
                                                const std::vector<std::string_view>& offered) {
    if (!header || trim(*header).empty()) return offered.front();
    std::optional<std::string_view> best;
    double best_quality = 0;
    for (const std::string_view name : offered) {
        const double quality = accept_quality(*header, name);
        if (quality <= best_quality) continue;
        best = name;
        best_quality = quality;
    }
    return best;
}

}  // namespace amp::serve
