// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/progress.hpp"

#include "base/log.hpp"
#include "base/time.hpp"
#include "runtime/progress_text.hpp"
#include "runtime/wait.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace amp::runtime {
namespace {

using namespace std::chrono_literals;

constexpr auto kRedraw = 200ms;
constexpr auto kPlainInterval = 15s;
constexpr auto kRateWindow = 10s;
constexpr auto kEtaWindow = 60s;
constexpr auto kEtaDelay = 5s;

ProgressMode resolve(ProgressMode mode) {
    if (mode != ProgressMode::kAuto) return mode;
    return isatty(STDERR_FILENO) == 1 ? ProgressMode::kBar : ProgressMode::kPlain;
}

std::size_t terminal_width() {
    winsize size{};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

void write_terminal(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

double percent_of(const ProgressCounters& counters) {
    const auto total = counters.total.load();
    return total == 0 ? 100.0
                      : 100.0 * static_cast<double>(counters.done.load()) / static_cast<double>(total);
}

}  // namespace

ProgressReporter::ProgressReporter(ProgressMode mode) : mode_(resolve(mode)) {}

ProgressReporter::~ProgressReporter() { stop(); }

std::shared_ptr<ProgressCounters> ProgressReporter::add(std::string name) {
    auto counters = std::make_shared<ProgressCounters>();
    lines_.push_back({std::move(name), counters, 0, {}});
    return counters;
}

void ProgressReporter::start() {
    if (mode_ == ProgressMode::kNone || active_) return;
    started_ = Clock::now();
    for (auto& line : lines_) {
        line.done_at_start = line.counters->done;
        line.samples.push_back({started_, line.counters->done, line.counters->bytes});
    }
    active_ = true;
    if (mode_ == ProgressMode::kBar) {
        write_terminal("\x1b[?25l");
        log::set_sink([this](std::string_view text) {
            const std::scoped_lock lock(mutex_);
            erase_locked();
            write_terminal(text);
            draw_locked();
        });
    } else {
        for (auto& line : lines_)
            mode_ == ProgressMode::kJson ? report_json(line, started_, "started")
                                         : report_plain(line, started_, "extraction started");
    }
    drawer_ = std::jthread([this](const std::stop_token& token) { run(token); });
}

void ProgressReporter::stop() {
    if (!active_) return;
    active_ = false;
    drawer_.request_stop();
    drawer_.join();
    const auto now = Clock::now();
    if (mode_ == ProgressMode::kBar) {
        log::set_sink(nullptr);
        const std::scoped_lock lock(mutex_);
        erase_locked();
        draw_locked();
        restore_terminal();
    } else {
        for (auto& line : lines_) {
            const bool complete = line.counters->finished;
            mode_ == ProgressMode::kJson
                ? report_json(line, now, complete ? "completed" : "stopped")
                : report_plain(line, now, complete ? "extraction finished" : "extraction stopped");
        }
    }
}

void ProgressReporter::restore_terminal() {
    if (isatty(STDERR_FILENO) == 1) {
        constexpr char kShowCursor[] = "\x1b[?25h";
        [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kShowCursor, sizeof kShowCursor - 1);
    }
}

ProgressReporter::Rates ProgressReporter::rates_of(Line& line, Clock::time_point now) const {
    const auto& counters = *line.counters;
    line.samples.push_back({now, counters.done, counters.bytes});
    while (line.samples.size() > 2 && now - line.samples[1].at > kEtaWindow) line.samples.pop_front();
    const auto since = [&](Clock::duration window) {
        const auto first = std::find_if(line.samples.begin(), line.samples.end(),
                                        [&](const Sample& sample) { return now - sample.at <= window; });
        return first == line.samples.end() ? line.samples.back() : *first;
    };
    const auto seconds_since = [&](const Sample& sample) {
        return std::max(0.001, std::chrono::duration<double>(now - sample.at).count());
    };
    Rates rates;
    const Sample recent = since(kRateWindow);
    rates.units_per_s = static_cast<double>(line.samples.back().done - recent.done) / seconds_since(recent);
    rates.bytes_per_s = static_cast<double>(line.samples.back().bytes - recent.bytes) / seconds_since(recent);
    const Sample old = line.samples.front();
    const double average = static_cast<double>(line.samples.back().done - old.done) / seconds_since(old);
    const auto total = counters.total.load();
    const auto done = line.samples.back().done;
    if (now - started_ >= kEtaDelay && average > 0 && total >= done)
        rates.eta_s = static_cast<double>(total - done) / average;
    return rates;
}

std::string ProgressReporter::bar_line(Line& line, Clock::time_point now, std::size_t width) const {
    const Rates rates = rates_of(line, now);
    const double percent = percent_of(*line.counters);
    const std::string head =
        fmt::format("{}  {}/{}  {:.1f}% ", line.name, with_thousands(line.counters->done),
                    with_thousands(line.counters->total), percent);
    const std::string tail = fmt::format(
        "  {} blk/s  {:.1f} MB/s  ETA {}  {} jobs",
        with_thousands(static_cast<std::uint64_t>(rates.units_per_s + 0.5)), rates.bytes_per_s / 1e6,
        line.counters->finished ? "done" : duration_text(rates.eta_s), line.counters->running.load());
    const std::size_t room = width > head.size() + tail.size() ? width - head.size() - tail.size() : 0;
    const std::string bar = progress_bar(percent / 100.0, room);
    std::string text = head + bar + tail;
    if (text.size() >= width) text.resize(width - 1);
    return text;
}

void ProgressReporter::report_plain(Line& line, Clock::time_point now, const char* event) const {
    const Rates rates = rates_of(line, now);
    log::info("dump", event,
              {{"dataset", line.name},
               {"blocks", fmt::format("{}/{}", line.counters->done.load(), line.counters->total.load())},
               {"percent", fmt::format("{:.1f}", percent_of(*line.counters))},
               {"blocks_per_s", fmt::format("{:.1f}", rates.units_per_s)},
               {"mb_per_s", fmt::format("{:.1f}", rates.bytes_per_s / 1e6)},
               {"eta", duration_text(rates.eta_s)}});
}

void ProgressReporter::report_json(Line& line, Clock::time_point now, const char* event) const {
    const Rates rates = rates_of(line, now);
    fmt::print(
        stdout,
        R"({{"v":1,"event":"{}","ts":"{}","dataset":"{}","blocks_done":{},"blocks_total":{},"percent":{:.1f},)"
        R"("blocks_per_sec":{:.1f},"bytes_per_sec":{:.0f},"eta_secs":{}}})"
        "\n",
        event, format_utc_ms(now_us()), line.name, line.counters->done.load(), line.counters->total.load(),
        percent_of(*line.counters), rates.units_per_s, rates.bytes_per_s,
        rates.eta_s < 0 ? "null" : fmt::format("{:.0f}", rates.eta_s));
    std::fflush(stdout);
}

void ProgressReporter::erase_locked() {
    std::string text;
    for (std::size_t i = 0; i < drawn_; ++i) text += "\x1b[1A\x1b[2K";
    if (!text.empty()) write_terminal(text);
    drawn_ = 0;
}

void ProgressReporter::draw_locked() {
    const auto now = Clock::now();
    const std::size_t width = terminal_width();
    std::string text;
    for (auto& line : lines_) text += bar_line(line, now, width) + "\n";
    write_terminal(text);
    drawn_ = lines_.size();
}

void ProgressReporter::run(const std::stop_token& stop) {
    const auto interval = mode_ == ProgressMode::kBar    ? std::chrono::milliseconds(kRedraw)
                          : mode_ == ProgressMode::kJson ? std::chrono::milliseconds(1s)
                                                         : std::chrono::milliseconds(kPlainInterval);
    while (wait_for(interval, stop)) {
        if (mode_ == ProgressMode::kBar) {
            const std::scoped_lock lock(mutex_);
            erase_locked();
            draw_locked();
            continue;
        }
        for (auto& line : lines_)
            mode_ == ProgressMode::kJson ? report_json(line, Clock::now(), "progress")
                                         : report_plain(line, Clock::now(), "extraction progress");
    }
}

}  // namespace amp::runtime
