// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/commands.hpp"
#include "app/context.hpp"
#include "app/version.hpp"
#include "metadb/open_store.hpp"

#include <fmt/format.h>

namespace amp::app {
namespace {

Result<> migrate(const CommandLine& line) {
    TRY_ASSIGN(const auto loaded, load_configuration(line.common));
    const auto options = store_options(loaded);
    if (line.migrate.status) {
        TRY_ASSIGN(const auto status, metadb::migration_status(options));
        fmt::print("schema version {} of {}\n", status.applied, status.newest);
        for (const int version : status.pending) fmt::print("pending: {}\n", version);
        return {};
    }
    TRY_ASSIGN(const auto applied, metadb::migrate(options));
    if (applied.empty()) fmt::print("the schema is up to date\n");
    for (const int version : applied) fmt::print("applied: {}\n", version);
    return {};
}

}  // namespace

int run_migrate(const CommandLine& line) {
    const auto outcome = migrate(line);
    return outcome.ok() ? kExitOk : exit_with(outcome.error());
}

}  // namespace amp::app
