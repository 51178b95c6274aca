// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

namespace amp::log {

enum class Level { kError, kWarn, kInfo, kDebug, kTrace };

struct Options {
    Level level = Level::kInfo;
    bool json = false;
};

/// One key=value pair of a log line. Use the field names of the docs: job shard dataset table block file
/// provider ms.
struct Field {
    std::string_view key;
    std::string value;

    Field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
    Field(std::string_view k, std::string_view v) : key(k), value(v) {}
    Field(std::string_view k, const char* v) : key(k), value(v) {}
    template <typename T>
    requires(std::is_arithmetic_v<T>) Field(std::string_view k, T v) : key(k), value(fmt::format("{}", v)) {}
};

/// Sets level and form for the process. Called once at start; lines before it go out as text at info.
void configure(const Options& options);
bool enabled(Level level);

/// Writes one line to stderr: UTC time, level, module, constant message, fields. Threads: any.
void write(Level level, std::string_view module, std::string_view message,
           std::initializer_list<Field> fields = {});

/// Where lines go; a progress bar takes it over to keep itself below them. nullptr restores stderr.
void set_sink(std::function<void(std::string_view line)> sink);

inline void error(std::string_view m, std::string_view text, std::initializer_list<Field> f = {}) {
    write(Level::kError, m, text, f);
}
inline void warn(std::string_view m, std::string_view text, std::initializer_list<Field> f = {}) {
    write(Level::kWarn, m, text, f);
}
inline void info(std::string_view m, std::string_view text, std::initializer_list<Field> f = {}) {
    write(Level::kInfo, m, text, f);
}
inline void debug(std::string_view m, std::string_view text, std::initializer_list<Field> f = {}) {
    write(Level::kDebug, m, text, f);
}

/// Removes what may hold a secret from a URL: prints scheme, host, port and "/***" for the rest.
std::string redact_url(std::string_view url);

}  // namespace amp::log
