// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace amp::runtime {

/// Live numbers of one piece of long work. Threads: any.
struct ProgressCounters {
    std::atomic<std::uint64_t> total{0};  // units wanted
    std::atomic<std::uint64_t> done{0};   // units done, those of earlier runs included
    std::atomic<std::uint64_t> bytes{0};  // bytes received in this run
    std::atomic<std::uint32_t> running{0};
    std::atomic<bool> finished{false};
};

enum class ProgressMode : std::uint8_t { kAuto, kBar, kPlain, kJson, kNone };

/// Shows the progress of several named pieces of work.
///
/// Bar (kAuto on a terminal): one line each on stderr, at most 5 redraws a second, below the log lines,
/// fitted to the width; the cursor comes back on every way out. Plain: a line at start, every 15 s and at the
/// end. Json: one object per line on stdout. Threads: add() before start(); all else from any thread.
class ProgressReporter {
  public:
    explicit ProgressReporter(ProgressMode mode);
    ~ProgressReporter();
    ProgressReporter(const ProgressReporter&) = delete;
    ProgressReporter& operator=(const ProgressReporter&) = delete;

    std::shared_ptr<ProgressCounters> add(std::string name);
    void start();
    /// Draws the last state and stops. Called by the destructor too.
    void stop();
    /// Shows the cursor again; async-safe enough for an abort.
    static void restore_terminal();

  private:
    using Clock = std::chrono::steady_clock;
    struct Sample {
        Clock::time_point at;
        std::uint64_t done;
        std::uint64_t bytes;
    };
    struct Line {
        std::string name;
        std::shared_ptr<ProgressCounters> counters;
        std::uint64_t done_at_start = 0;
        std::deque<Sample> samples;
    };
    struct Rates {
        double units_per_s = 0;
        double bytes_per_s = 0;
        double eta_s = -1;
    };

    Rates rates_of(Line& line, Clock::time_point now) const;
    std::string bar_line(Line& line, Clock::time_point now, std::size_t width) const;
    void report_plain(Line& line, Clock::time_point now, const char* event) const;
    void report_json(Line& line, Clock::time_point now, const char* event) const;
    void draw_locked();
    void erase_locked();
    void run(const std::stop_token& stop);

    const ProgressMode mode_;
    Clock::time_point started_;
    std::mutex mutex_;  // guards lines_' samples and the terminal
    std::vector<Line> lines_;
    std::size_t drawn_ = 0;
    bool active_ = false;
    std::jthread drawer_;
};

}  // namespace amp::runtime
