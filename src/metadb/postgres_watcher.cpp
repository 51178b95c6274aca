// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"
#include "metadb/change_watcher.hpp"
#include "metadb/libpq_link.hpp"

#include <fmt/format.h>

#include <array>

namespace amp::metadb {
namespace {

constexpr std::chrono::milliseconds kFirstDelay{100};
constexpr std::chrono::milliseconds kDelayMax{5'000};
constexpr std::array kChannels{"work", "jobs", "data", "conf"};

class PostgresWatcher final : public ChangeWatcher {
  public:
    explicit PostgresWatcher(const Target& target)
        : ChangeWatcher(true), schema_(target.schema), work_channel_(schema_ + "_work"), link_(target) {}
    ~PostgresWatcher() override {
        link_.interrupt();
        stop();
    }

  protected:
    void watch(std::stop_token stop) override {
        auto delay = kFirstDelay;
        while (!stop.stop_requested()) {
            if (link_.connect(stop) && subscribe()) {
                delay = kFirstDelay;
                bump(Topic::kWork);  // what came before LISTEN is not known
                listen(stop);
                if (!stop.stop_requested())
                    log::warn("metadb", "the listening connection broke; connecting again");
            }
            link_.pause(delay);
            delay = std::min(delay * 2, kDelayMax);
        }
    }

  private:
    bool subscribe() {
        for (const auto* channel : kChannels)
            if (!link_.execute(fmt::format("LISTEN {}_{}", schema_, channel))) return false;
        return true;
    }

    /// Returns when the connection breaks or the stop comes.
    void listen(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            const auto came = link_.take_notifications(work_channel_);
            if (came.any) bump(came.on_channel ? Topic::kWork : Topic::kAny);
            if (!link_.await_input(std::chrono::milliseconds(-1))) return;
        }
    }

    const std::string schema_;
    const std::string work_channel_;
    LibpqLink link_;
};

}  // namespace

std::unique_ptr<ChangeWatcher> make_postgres_watcher(const Target& target) {
    return std::make_unique<PostgresWatcher>(target);
}

}  // namespace amp::metadb
