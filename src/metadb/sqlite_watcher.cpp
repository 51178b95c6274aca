// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "metadb/change_watcher.hpp"

#include "runtime/wait.hpp"

#include <sqlite3.h>

#include <optional>

namespace amp::metadb {
namespace {

constexpr std::chrono::milliseconds kPollInterval{25};
constexpr std::chrono::milliseconds kReopenDelay{500};

struct Close {
    void operator()(sqlite3* connection) const { sqlite3_close(connection); }
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

/// A connection that only asks for the version.
class VersionReader {
  public:
    bool is_open() const { return statement_ != nullptr; }

    bool open(const std::string& path) {
        close();
        sqlite3* connection = nullptr;
        const int opened = sqlite3_open_v2(path.c_str(), &connection, SQLITE_OPEN_READWRITE, nullptr);
        connection_.reset(connection);
        if (opened != SQLITE_OK) return false;
        sqlite3_stmt* statement = nullptr;
        const int prepared = sqlite3_prepare_v2(connection, "PRAGMA data_version", -1, &statement, nullptr);
        statement_.reset(statement);
        return prepared == SQLITE_OK;
    }

    std::optional<std::int64_t> read() {
        std::optional<std::int64_t> version;
        if (sqlite3_step(statement_.get()) == SQLITE_ROW) version = sqlite3_column_int64(statement_.get(), 0);
        sqlite3_reset(statement_.get());
        return version;
    }

    void close() {
        statement_.reset();
        connection_.reset();
    }

  private:
    std::unique_ptr<sqlite3, Close> connection_;
    std::unique_ptr<sqlite3_stmt, Close> statement_;
};

class SqliteWatcher final : public ChangeWatcher {
  public:
    explicit SqliteWatcher(std::string path) : ChangeWatcher(false), path_(std::move(path)) {}
    ~SqliteWatcher() override { stop(); }

  protected:
    void watch(std::stop_token stop) override {
        VersionReader reader;
        std::optional<std::int64_t> last;
        while (await_waiter(stop)) {
            if (!reader.is_open() && !reader.open(path_)) {
                reader.close();
                runtime::wait_for(kReopenDelay, stop);
                continue;
            }
            const auto version = reader.read();
            // The first reading counts as a change: what came before it is not known.
            if (version && version != last) {
                last = version;
                bump();
            }
            runtime::wait_for(kPollInterval, stop);
        }
    }

  private:
    std::string path_;
};

}  // namespace

std::unique_ptr<ChangeWatcher> make_sqlite_watcher(const Target& target) {
    return std::make_unique<SqliteWatcher>(target.path);
}

}  // namespace amp::metadb
