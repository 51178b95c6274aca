// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace amp::app {

/// Flags of every command.
struct CommonFlags {
    std::optional<std::string> config_file;
    std::string dir;
    std::vector<std::string> assignments;
    std::optional<std::string> log_level;
    std::optional<std::string> log_format;
};

struct DumpFlags {
    std::vector<std::string> datasets;
    std::string end_block = "latest";
    std::string jobs = "auto";
    std::optional<bool> verify;
    bool finalized_only = false;
    std::vector<std::string> provider_urls;
    int max_attempts = 10;
    std::optional<std::int64_t> partition_size_mb;
    std::string progress = "auto";
    bool dry_run = false;
};

struct ServerFlags {
    std::optional<bool> flight;
    std::optional<bool> jsonl;
    std::optional<std::string> flight_addr;
    std::optional<std::string> jsonl_addr;
};

struct WorkerFlags {
    std::string node_id;
    std::optional<int> slots;
    std::vector<std::string> labels;
    std::optional<std::string> health_file;
};

struct AdminFlags {
    std::optional<bool> admin;
    std::optional<std::string> admin_addr;
};

struct DevFlags {
    std::vector<std::string> datasets;
    std::vector<std::string> provider_urls;
};

struct MigrateFlags {
    bool status = false;
};

struct ConfigFlags {
    bool print = false;
    bool sample = false;
    bool check = false;
};

enum class Command { kDump, kServer, kWorker, kController, kDev, kMigrate, kConfig };

struct CommandLine {
    Command command = Command::kDump;
    CommonFlags common;
    DumpFlags dump;
    ServerFlags server;
    WorkerFlags worker;
    AdminFlags admin;
    DevFlags dev;
    MigrateFlags migrate;
    ConfigFlags config;
};

/// Exit codes of every command.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitRefused = 3;

/// Parses the arguments. Absent: help, version or a usage error was printed and `exit_code` is what to end
/// with.
std::optional<CommandLine> parse_command_line(int argc, const char* const* argv, int& exit_code);

}  // namespace amp::app
