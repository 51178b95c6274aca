// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <memory>
#include <string>

#include <sys/types.h>

namespace amp::testing {

/// A PostgreSQL server of its own: fresh cluster in a temporary folder, unix socket only, nothing synced to
/// disk. Ends with the object, and with the thread that started it (PR_SET_PDEATHSIG), so start it from the
/// main thread. As root it runs as the user `postgres`, else `nobody`, because the server refuses root.
class ScratchPostgres {
  public:
    /// kNotFound if no server is installed (looked for in $AMP_PG_BINDIR, Debian's folders and $PATH).
    static Result<std::unique_ptr<ScratchPostgres>> start();
    ~ScratchPostgres();
    ScratchPostgres(const ScratchPostgres&) = delete;
    ScratchPostgres& operator=(const ScratchPostgres&) = delete;

    /// URL of the database `postgres` as the superuser `amp` or as another role.
    std::string url(const std::string& user = "amp") const;

    /// Cuts all connections without a word, as in a crash; then starts again over the same data.
    Result<> crash_and_restart();

  private:
    ScratchPostgres(std::string bin, std::string folder) : bin_(std::move(bin)), folder_(std::move(folder)) {}
    Result<> launch();
    void stop(int signal);

    std::string bin_;
    std::string folder_;
    pid_t server_ = -1;
};

}  // namespace amp::testing
