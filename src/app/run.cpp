// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/commands.hpp"
#include "base/log.hpp"
#include "runtime/progress.hpp"
#include "storage/object_store.hpp"

#include <fmt/format.h>

#include <exception>

namespace amp::app {

namespace {

struct FinishBucketClients {
    FinishBucketClients() = default;
    FinishBucketClients(const FinishBucketClients&) = delete;
    FinishBucketClients& operator=(const FinishBucketClients&) = delete;
    ~FinishBucketClients() { storage::finish_bucket_clients(); }
};

}  // namespace

int run(int argc, const char* const* argv) {
    int exit_code = kExitOk;
    const auto line = parse_command_line(argc, argv, exit_code);
    if (!line) return exit_code;
    const FinishBucketClients at_the_end;
    try {
        runtime::SignalStop signals([](int) { log::info("app", "stopping; a second signal aborts"); });
        signals.on_abort(runtime::ProgressReporter::restore_terminal);
        switch (line->command) {
            case Command::kDump:
                return run_dump(*line, signals);
            case Command::kServer:
                return run_server(*line, signals);
            case Command::kWorker:
                return run_worker(*line, signals);
            case Command::kController:
                return run_controller(*line, signals);
            case Command::kDev:
                return run_dev(*line, signals);
            case Command::kMigrate:
                return run_migrate(*line);
            case Command::kConfig:
                return run_config(*line);
        }
    } catch (const std::exception& failure) {
        // Libraries' exceptions are turned into errors where they are called; what gets here is a bug or no
        // memory.
        fmt::print(stderr, "Exiting with error: unexpected failure: {}\n", failure.what());
    }
    return kExitFailure;
}

}  // namespace amp::app
