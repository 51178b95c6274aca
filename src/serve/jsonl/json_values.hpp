// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "serve/jsonl/json_rows.hpp"

#include <charconv>
#include <cstdint>
#include <string_view>

/// JSON texts of single values (query wire reference 4.3). All append to `out`.
namespace amp::serve::json {

/// How a timestamp shows its zone.
struct ZoneStyle {
    enum class Kind : std::uint8_t { kNone, kUtc, kOffset };
    Kind kind = Kind::kNone;
    std::int32_t offset_minutes = 0;
};
/// Of the zone of an Arrow timestamp. A named zone other than UTC is shown in UTC: it is the same instant.
ZoneStyle zone_style(std::string_view zone);

template <typename T>
void append_integer(T value, TextBuffer& out) {
    char* begin = out.room(20);
    out.add(static_cast<std::size_t>(std::to_chars(begin, begin + 20, value).ptr - begin));
}

/// Shortest text that reads back as the same number, with fraction or exponent; null for NaN and infinities.
void append_float(double value, TextBuffer& out);
void append_float(float value, TextBuffer& out);

/// value / 10^scale with all digits.
void append_small_decimal(std::int64_t value, std::int32_t scale, TextBuffer& out);
/// The same of decimal digits with an optional minus.
void append_decimal(std::string_view integer, std::int32_t scale, TextBuffer& out);

/// Escapes `"`, `\` and control characters only; bad UTF-8 becomes U+FFFD.
void append_text(std::string_view text, TextBuffer& out);
void append_hex(std::string_view bytes, TextBuffer& out);

/// `value` counts units of 1 / per_second seconds, since 1970 or midnight. Fractions have 0, 3, 6 or 9
/// digits.
void append_timestamp(std::int64_t value, std::int64_t per_second, ZoneStyle zone, TextBuffer& out);
void append_date(std::int64_t days, TextBuffer& out);
void append_time(std::int64_t value, std::int64_t per_second, TextBuffer& out);
/// ISO 8601 in seconds: "PT0.12S".
void append_duration(std::int64_t value, std::int64_t per_second, TextBuffer& out);
/// "1 mons 2 days 3.000000000 secs"; parts that are zero are left out.
void append_interval(std::int32_t months, std::int32_t days, std::int64_t nanoseconds, TextBuffer& out);

}  // namespace amp::serve::json
