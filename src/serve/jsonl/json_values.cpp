// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/jsonl/json_values.hpp"

#include "base/json_text.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>
#include <string>

namespace amp::serve::json {
namespace {

constexpr std::array<char, 512> kHexPairs = [] {
    std::array<char, 512> out{};
    constexpr std::string_view digits = "0123456789abcdef";
    for (std::size_t i = 0; i < 256; ++i) {
        out[2 * i] = digits[i / 16];
        out[2 * i + 1] = digits[i % 16];
    }
    return out;
}();

constexpr std::uint64_t kEachByte = 0x0101010101010101ULL;
constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;

/// High bit of each byte of `v` that is below n (n <= 128), for bytes below 128; may also mark bytes after
/// one.
constexpr std::uint64_t bytes_below(std::uint64_t v, std::uint64_t n) {
    return (v - kEachByte * n) & ~v & kHighBits;
}
constexpr std::uint64_t bytes_equal(std::uint64_t v, std::uint64_t c) {
    return bytes_below(v ^ (kEachByte * c), 1);
}

bool is_plain(std::string_view text) {
    std::size_t i = 0;
    for (; i + 8 <= text.size(); i += 8) {
        std::uint64_t v = 0;
        std::memcpy(&v, text.data() + i, 8);
        if (((v & kHighBits) | bytes_below(v, 0x20) | bytes_equal(v, '"') | bytes_equal(v, '\\')) != 0)
            return false;
    }
    for (; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') return false;
    }
    return true;
}

template <typename T>
void append_floating(T value, TextBuffer& out) {
    if (!std::isfinite(value)) return out.append("null");
    // Plain digits where people expect them; both forms are the shortest that round-trip.
    const T size = std::fabs(value);
    const bool plain = size == 0 || (size >= T(1e-5) && size < T(1e16));
    std::array<char, 64> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                   plain ? std::chars_format::fixed : std::chars_format::scientific)
                         .ptr;
    const std::string_view digits(text.data(), static_cast<std::size_t>(end - text.data()));
    const auto exponent = digits.find('e');
    if (exponent == std::string_view::npos) {
        out.append(digits);
        if (digits.find('.') == std::string_view::npos) out.append(".0");
        return;
    }
    // "1e+05" is written 1e5.
    out.append(digits.substr(0, exponent + 1));
    std::string_view power = digits.substr(exponent + 1);
    if (power.front() == '-') out.push('-');
    power.remove_prefix(1);
    while (power.size() > 1 && power.front() == '0') power.remove_prefix(1);
    out.append(power);
}

void append_two(std::int64_t value, TextBuffer& out) {
    char* at = out.room(2);
    at[0] = static_cast<char>('0' + value / 10);
    at[1] = static_cast<char>('0' + value % 10);
    out.add(2);
}

/// ".123", ".123456" or ".123456789", as few groups as the value needs; nothing for zero.
void append_fraction(std::int64_t part, std::int64_t per_second, TextBuffer& out) {
    if (part == 0) return;
    std::int64_t nanos = part * (1'000'000'000 / per_second);
    int digits = 9;
    while (nanos % 1'000 == 0) {
        nanos /= 1'000;
        digits -= 3;
    }
    char* at = out.room(10);
    *at = '.';
    for (int i = digits; i > 0; --i, nanos /= 10) at[i] = static_cast<char>('0' + nanos % 10);
    out.add(static_cast<std::size_t>(digits) + 1);
}

std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

/// Year, month and day of a day count since 1970 in the proleptic Gregorian calendar (Howard Hinnant's
/// civil_from_days).
void append_civil(std::int64_t days, TextBuffer& out) {
    days += 719'468;
    const std::int64_t era = floor_divide(days, 146'097);
    const std::int64_t day_of_era = days - era * 146'097;
    const std::int64_t year_of_era =
        (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t shifted = (5 * day_of_year + 2) / 153;
    const std::int64_t day = day_of_year - (153 * shifted + 2) / 5 + 1;
    const std::int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    if (year < 0) {
        out.push('-');
        year = -year;
    }
    if (year >= 10'000) {
        append_integer(year, out);
    } else {
        append_two(year / 100, out);
        append_two(year % 100, out);
    }
    out.push('-');
    append_two(month, out);
    out.push('-');
    append_two(day, out);
}

void append_clock(std::int64_t seconds, TextBuffer& out) {
    append_two(seconds / 3'600, out);
    out.push(':');
    append_two(seconds / 60 % 60, out);
    out.push(':');
    append_two(seconds % 60, out);
}

}  // namespace

ZoneStyle zone_style(std::string_view zone) {
    if (zone.empty()) return {};
    const bool offset = zone.size() == 6 && (zone[0] == '+' || zone[0] == '-') && zone[3] == ':';
    if (!offset) return {ZoneStyle::Kind::kUtc, 0};
    int hours = 0;
    int minutes = 0;
    std::from_chars(zone.data() + 1, zone.data() + 3, hours);
    std::from_chars(zone.data() + 4, zone.data() + 6, minutes);
    const std::int32_t total = (hours * 60 + minutes) * (zone[0] == '-' ? -1 : 1);
    return {total == 0 ? ZoneStyle::Kind::kUtc : ZoneStyle::Kind::kOffset, total};
}

void append_float(double value, TextBuffer& out) { append_floating(value, out); }
void append_float(float value, TextBuffer& out) { append_floating(value, out); }

void append_small_decimal(std::int64_t value, std::int32_t scale, TextBuffer& out) {
    if (scale == 0) return append_integer(value, out);
    std::array<char, 24> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    append_decimal({text.data(), static_cast<std::size_t>(end - text.data())}, scale, out);
}

void append_decimal(std::string_view integer, std::int32_t scale, TextBuffer& out) {
    if (integer.starts_with('-')) {
        out.push('-');
        integer.remove_prefix(1);
    }
    if (scale <= 0) {
        out.append(integer);
        if (integer != "0")
            for (std::int32_t i = scale; i < 0; ++i) out.push('0');
        return;
    }
    const auto digits = static_cast<std::size_t>(scale);
    if (integer.size() > digits) {
        out.append(integer.substr(0, integer.size() - digits));
        out.push('.');
        out.append(integer.substr(integer.size() - digits));
        return;
    }
    out.append("0.");
    for (std::size_t i = integer.size(); i < digits; ++i) out.push('0');
    out.append(integer);
}

void append_text(std::string_view text, TextBuffer& out) {
    if (!is_plain(text)) {
        std::string quoted;
        append_json_quoted(quoted, text);
        return out.append(quoted);
    }
    char* at = out.room(text.size() + 2);
    at[0] = '"';
    std::memcpy(at + 1, text.data(), text.size());
    at[text.size() + 1] = '"';
    out.add(text.size() + 2);
}

void append_hex(std::string_view bytes, TextBuffer& out) {
    char* at = out.room(bytes.size() * 2 + 2);
    *at++ = '"';
    for (const char c : bytes) {
        std::memcpy(at, kHexPairs.data() + 2 * static_cast<unsigned char>(c), 2);
        at += 2;
    }
    *at = '"';
    out.add(bytes.size() * 2 + 2);
}

void append_timestamp(std::int64_t value, std::int64_t per_second, ZoneStyle zone, TextBuffer& out) {
    const std::int64_t utc = floor_divide(value, per_second);
    const std::int64_t seconds = utc + std::int64_t{zone.offset_minutes} * 60;
    const std::int64_t day = floor_divide(seconds, 86'400);
    out.push('"');
    append_civil(day, out);
    out.push('T');
    append_clock(seconds - day * 86'400, out);
    append_fraction(value - utc * per_second, per_second, out);
    if (zone.kind == ZoneStyle::Kind::kUtc) out.push('Z');
    if (zone.kind == ZoneStyle::Kind::kOffset) {
        const std::int32_t minutes = zone.offset_minutes < 0 ? -zone.offset_minutes : zone.offset_minutes;
        out.push(zone.offset_minutes < 0 ? '-' : '+');
        append_two(minutes / 60, out);
        out.push(':');
        append_two(minutes % 60, out);
    }
    out.push('"');
}

void append_date(std::int64_t days, TextBuffer& out) {
    out.push('"');
    append_civil(days, out);
    out.push('"');
}

void append_time(std::int64_t value, std::int64_t per_second, TextBuffer& out) {
    const std::int64_t seconds = floor_divide(value, per_second);
    out.push('"');
    append_clock(seconds, out);
    append_fraction(value - seconds * per_second, per_second, out);
    out.push('"');
}

void append_duration(std::int64_t value, std::int64_t per_second, TextBuffer& out) {
    // Unsigned: the smallest number has no positive counterpart.
    const bool negative = value < 0;
    const auto size = negative ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    const auto unit = static_cast<std::uint64_t>(per_second);
    out.append(negative ? "\"-PT" : "\"PT");
    append_integer(size / unit, out);
    if (const std::uint64_t part = size % unit; part != 0) {
        std::string fraction = fmt::format("{:09}", part * (1'000'000'000 / unit));
        fraction.erase(fraction.find_last_not_of('0') + 1);
        out.push('.');
        out.append(fraction);
    }
    out.append("S\"");
}

void append_interval(std::int32_t months, std::int32_t days, std::int64_t nanoseconds, TextBuffer& out) {
    std::string text;
    const auto add = [&](const std::string& part) { text.append(text.empty() ? "" : " ").append(part); };
    if (months != 0) add(fmt::format("{} mons", months));
    if (days != 0) add(fmt::format("{} days", days));
    const std::int64_t seconds = nanoseconds / 1'000'000'000;
    if (seconds / 3'600 != 0) add(fmt::format("{} hours", seconds / 3'600));
    if (seconds / 60 % 60 != 0) add(fmt::format("{} mins", seconds / 60 % 60));
    const std::int64_t rest = nanoseconds % 60'000'000'000;
    if (rest != 0) {
        const std::int64_t size = rest < 0 ? -rest : rest;
        add(fmt::format("{}{}.{:09} secs", rest < 0 ? "-" : "", size / 1'000'000'000, size % 1'000'000'000));
    }
    out.push('"');
    out.append(text.empty() ? "0 secs" : text);
    out.push('"');
}

}  // namespace amp::serve::json
