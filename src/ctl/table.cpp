// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "ctl/table.hpp"

#include <algorithm>

namespace amp::ctl {
namespace {

bool is_number(std::string_view cell) {
    return cell.empty() || cell == "-" ||
           (std::ranges::count(cell, '.') < 2 && std::ranges::all_of(cell, [](char c) {
                return (c >= '0' && c <= '9') || c == ',' || c == '.' || c == '%';
            }));
}

}  // namespace

std::string Table::text() const {
    const std::size_t columns = rows_.front().size();
    std::vector<std::size_t> widths(columns);
    std::vector<bool> right(columns, rows_.size() > 1);
    for (std::size_t r = 0; r < rows_.size(); ++r)
        for (std::size_t c = 0; c < columns; ++c) {
            widths[c] = std::max(widths[c], rows_[r][c].size());
            if (r > 0 && !is_number(rows_[r][c])) right[c] = false;
        }
    std::string out;
    for (const auto& cells : rows_) {
        std::string line;
        for (std::size_t c = 0; c < columns; ++c) {
            const std::string blanks(widths[c] - cells[c].size(), ' ');
            line += (c > 0 ? "  " : "") + (right[c] ? blanks + cells[c] : cells[c] + blanks);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    }
    return out;
}

}  // namespace amp::ctl
