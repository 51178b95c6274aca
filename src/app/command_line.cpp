// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/command_line.hpp"

#include "app/version.hpp"
#include "base/nearest.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>

namespace amp::app {
namespace {

// true, false, 1, 0 in any case; a bare flag is true.
std::optional<bool> parse_bool(const std::string& text) {
    const std::string lower = CLI::detail::to_lower(text);
    if (lower.empty() || lower == "true" || lower == "1") return true;
    if (lower == "false" || lower == "0") return false;
    return std::nullopt;
}

CLI::Option* add_bool(CLI::App& app, const std::string& name, std::optional<bool>& target,
                      const std::string& help, const std::string& variable) {
    auto* option = app.add_option(
        name,
        [&target](const CLI::results_t& values) {
            const auto value = parse_bool(values.empty() ? std::string() : values.back());
            if (!value) return false;
            target = *value;
            return true;
        },
        help);
    option->type_name("[BOOL]")->expected(0, 1);
    if (!variable.empty()) option->envname(variable);
    return option;
}

void add_common(CLI::App& app, CommonFlags& flags) {
    app.add_option("--config", flags.config_file,
                   "configuration file; amp.toml in the base directory if there is one")
        ->envname("AMP_CONFIG")
        ->type_name("FILE");
    app.add_option("--dir,--amp-dir", flags.dir,
                   "base directory; made when missing; default: the current one")
        ->envname("AMP_DIR")
        ->type_name("DIR");
    app.add_option("--set", flags.assignments, "override one configuration key; repeatable")
        ->type_name("KEY=VALUE");
    app.add_option("--log-level", flags.log_level, "error warn info debug trace; default: info")
        ->envname("AMP_LOG")
        ->type_name("LEVEL");
    app.add_option("--log-format", flags.log_format, "text or json; default: text")
        ->envname("AMP_LOG_FORMAT")
        ->type_name("FORMAT");
}

void add_dump(CLI::App& app, DumpFlags& flags, std::optional<bool>& finalized, std::optional<bool>& dry_run) {
    app.add_option("--dataset", flags.datasets, "names, references or manifest paths; comma list, repeatable")
        ->required()
        ->delimiter(',')
        ->envname("DUMP_DATASET")
        ->type_name("X[,X...]");
    app.add_option("-e,--end-block", flags.end_block,
                   "last block: a number, -N (N before the head), latest or finalized; default: latest")
        ->envname("DUMP_END_BLOCK")
        ->type_name("B");
    app.add_option("-j,--n-jobs,--max-writers", flags.jobs,
                   "shards at once per dataset, 1 to 1024; default: auto (cores, at most 8)")
        ->envname("DUMP_N_JOBS")
        ->type_name("N");
    app.add_option("--provider-url", flags.provider_urls,
                   "one-run provider; KIND:NETWORK=URL where several are needed")
        ->envname("AMP_PROVIDER_URL")
        ->type_name("[KIND:NET=]URL");
    add_bool(app, "--verify", flags.verify, "check every block against its own header; default: true",
             "DUMP_VERIFY");
    add_bool(app, "--only-finalized-blocks", finalized, "leave blocks above finality out",
             "DUMP_ONLY_FINALIZED_BLOCKS");
    app.add_option("--max-attempts", flags.max_attempts,
                   "failures of a shard in a row without progress; 0 = no limit; default: 10")
        ->envname("DUMP_MAX_ATTEMPTS")
        ->check(CLI::Range(0, 1'000'000))
        ->type_name("N");
    app.add_option("--partition-size-mb", flags.partition_size_mb,
                   "target segment size in MiB; default: writer.bytes")
        ->envname("DUMP_PARTITION_SIZE_MB")
        ->check(CLI::Range(1, 1'000'000))
        ->type_name("N");
    app.add_option("--progress", flags.progress, "auto bar plain json none; default: auto")
        ->envname("DUMP_PROGRESS")
        ->check(CLI::IsMember({"auto", "bar", "plain", "json", "none"}))
        ->type_name("MODE");
    add_bool(app, "--dry-run", dry_run, "print what would be done and write nothing", "");
}

void add_listeners(CLI::App& app, ServerFlags& flags) {
    add_bool(app, "--flight-server", flags.flight, "open Arrow Flight; without any selector all open",
             "AMP_FLIGHT_SERVER");
    add_bool(app, "--jsonl-server", flags.jsonl, "open JSON Lines; without any selector all open",
             "AMP_JSONL_SERVER");
    app.add_option("--flight-addr", flags.flight_addr, "listener of Arrow Flight; default: 0.0.0.0:1602")
        ->type_name("ADDR");
    app.add_option("--jsonl-addr", flags.jsonl_addr, "listener of JSON Lines; default: 0.0.0.0:1603")
        ->type_name("ADDR");
}

void add_admin(CLI::App& app, AdminFlags& flags, bool with_selector) {
    if (with_selector)
        add_bool(app, "--admin-server", flags.admin, "open the Admin API; without any selector all open",
                 "AMP_ADMIN_SERVER");
    app.add_option("--admin-addr", flags.admin_addr, "listener of the Admin API; default: 127.0.0.1:1610")
        ->type_name("ADDR");
}

void add_worker(CLI::App& app, WorkerFlags& flags) {
    app.add_option("--node-id", flags.node_id,
                   "name of this worker, unique among those that run: a letter, then letters, digits, _ - .")
        ->envname("AMP_NODE_ID")
        ->type_name("ID");
    app.add_option("--slots", flags.slots, "shards at once; default: cores, at most 16")
        ->envname("AMP_WORKER_SLOTS")
        ->check(CLI::Range(1, 1024))
        ->type_name("N");
    app.add_option("--label", flags.labels, "what jobs select workers by; comma list, repeatable")
        ->delimiter(',')
        ->envname("AMP_WORKER_LABELS")
        ->type_name("K=V");
    app.add_option("--health-file", flags.health_file, "touched after each heartbeat, for exec probes")
        ->envname("AMP_HEALTH_FILE")
        ->type_name("F");
}

std::vector<std::string> option_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* option : app.get_options())
        for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    return names;
}

// The failure in the words of this program, with the nearest name.
std::string usage_error(const CLI::App& root, const CLI::ParseError& failure) {
    const auto subcommands = root.get_subcommands();
    const CLI::App& app = subcommands.empty() ? root : *subcommands.front();
    for (const auto& extra : app.remaining(true)) {
        if (extra.starts_with("-")) {
            const std::string name = extra.substr(0, extra.find('='));
            return fmt::format("unknown flag {}{}", name, did_you_mean(name, option_names(app)));
        }
        if (subcommands.empty()) {
            std::vector<std::string> commands;
            for (const auto* command : root.get_subcommands([](const CLI::App*) { return true; }))
                commands.push_back(command->get_name());
            return fmt::format("unknown command \"{}\"{}", extra, did_you_mean(extra, commands));
        }
        return fmt::format("unexpected word \"{}\"", extra);
    }
    return failure.what();
}

}  // namespace

std::optional<CommandLine> parse_command_line(int argc, const char* const* argv, int& exit_code) {
    CommandLine line;
    CLI::App app{
        "Amp: a blockchain-native database. Extracts whole chains to Parquet and serves them as SQL."};
    app.name("ampd");
    app.set_version_flag("-V,--version", version_line());
    app.require_subcommand(1);
    app.allow_extras();

    std::optional<bool> finalized;
    std::optional<bool> dry_run;
    auto* dump = app.add_subcommand("dump", "extract datasets and exit; run again it continues");
    auto* server =
        app.add_subcommand("server", "serve SQL over Arrow Flight (1602) and JSON Lines over HTTP (1603)");
    auto* worker = app.add_subcommand("worker", "run shards of jobs from the metadata store until stopped");
    auto* controller =
        app.add_subcommand("controller", "schedule jobs over the workers and serve the Admin API (1610)");
    auto* dev = app.add_subcommand("dev", "server, controller and worker in one process, for development");
    auto* migrate = app.add_subcommand("migrate", "bring the metadata store's schema up to date");
    auto* config = app.add_subcommand("config", "check, print or sample the configuration");
    for (auto* command : {dump, server, worker, controller, dev, migrate, config}) {
        command->allow_extras();
        add_common(*command, line.common);
    }
    add_dump(*dump, line.dump, finalized, dry_run);
    for (auto* command : {server, dev}) add_listeners(*command, line.server);
    for (auto* command : {controller, dev}) add_admin(*command, line.admin, command == dev);
    add_worker(*worker, line.worker);
    dev->add_option("--dataset", line.dev.datasets,
                    "deploy these and follow their chains; comma list, repeatable")
        ->delimiter(',')
        ->envname("DEV_DATASET")
        ->type_name("X[,X...]");
    dev->add_option("--provider-url", line.dev.provider_urls,
                    "provider of this run; KIND:NETWORK=URL where several are needed")
        ->envname("AMP_PROVIDER_URL")
        ->type_name("[KIND:NET=]URL");
    migrate->add_flag("--status", line.migrate.status, "only print applied and pending versions");
    config->add_flag("--print", line.config.print,
                     "print effective values with their sources, secrets as ***");
    config->add_flag("--sample", line.config.sample, "print a commented file with every key");
    config->add_flag("--check", line.config.check, "print errors only (default)");

    exit_code = kExitOk;
    try {
        app.parse(argc, argv);
        for (const auto* command : app.get_subcommands())
            if (!command->remaining().empty()) throw CLI::ExtrasError(command->remaining());
        if (!app.remaining().empty()) throw CLI::ExtrasError(app.remaining());
    } catch (const CLI::CallForHelp&) {
        std::fputs(app.help().c_str(), stdout);
        return std::nullopt;
    } catch (const CLI::CallForAllHelp&) {
        std::fputs(app.help("", CLI::AppFormatMode::All).c_str(), stdout);
        return std::nullopt;
    } catch (const CLI::CallForVersion& version) {
        fmt::print("{}\n", version.what());
        return std::nullopt;
    } catch (const CLI::ParseError& failure) {
        fmt::print(stderr, "Exiting with error: {}\n", usage_error(app, failure));
        exit_code = kExitUsage;
        return std::nullopt;
    }
    line.dump.finalized_only = finalized.value_or(false);
    line.dump.dry_run = dry_run.value_or(false);
    line.command = app.got_subcommand(dump)         ? Command::kDump
                   : app.got_subcommand(server)     ? Command::kServer
                   : app.got_subcommand(worker)     ? Command::kWorker
                   : app.got_subcommand(controller) ? Command::kController
                   : app.got_subcommand(dev)        ? Command::kDev
                   : app.got_subcommand(migrate)    ? Command::kMigrate
                                                    : Command::kConfig;
    return line;
}

}  // namespace amp::app
