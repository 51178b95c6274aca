// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "jobs/worker_session.hpp"

#include "base/log.hpp"
#include "base/time.hpp"
#include "runtime/wait.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <sstream>

namespace amp::jobs {
namespace {

std::string first_line(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

std::string link_target(const std::string& path) {
    std::array<char, 256> buffer{};
    const ssize_t size = ::readlink(path.c_str(), buffer.data(), buffer.size());
    return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : std::string();
}

// Field 22 of /proc/PID/stat: start time in clock ticks; empty if there is no such process. The command name
// may hold blanks and parentheses, so fields count from the last ')'.
std::string start_ticks(const std::string& pid) {
    const std::string line = first_line("/proc/" + pid + "/stat");
    const auto close = line.rfind(')');
    if (close == std::string::npos) return {};
    std::istringstream rest(line.substr(close + 1));
    std::string field;
    for (int i = 3; i <= 22 && rest >> field; ++i) {
        if (i == 3 && (field == "Z" || field == "X")) return {};  // dead, only not yet collected
    }
    return field;
}

std::string host_name() {
    std::array<char, 256> buffer{};
    return ::gethostname(buffer.data(), buffer.size() - 1) == 0 ? std::string(buffer.data())
                                                                : std::string("unknown");
}

}  // namespace

std::string describe_host() {
    const nlohmann::json host = {
        {"hostname", host_name()},
        {"boot_id", first_line("/proc/sys/kernel/random/boot_id")},
        {"pid_ns", link_target("/proc/self/ns/pid")},
        {"pid", ::getpid()},
        {"start_ticks", start_ticks("self")},
    };
    return host.dump();
}

bool is_dead_local_process(const std::string& host_json) {
    const auto host = nlohmann::json::parse(host_json, nullptr, false);
    if (!host.is_object() || !host.contains("pid") || !host["pid"].is_number_integer()) return false;
    const auto text = [&](const char* key) { return host.value(key, std::string()); };
    if (text("hostname") != host_name() || text("boot_id") != first_line("/proc/sys/kernel/random/boot_id") ||
        text("pid_ns") != link_target("/proc/self/ns/pid"))
        return false;
    return start_ticks(fmt::format("{}", host["pid"].get<std::int64_t>())) != text("start_ticks");
}

WorkerSession::WorkerSession(catalog::MetaStore& store, Options options,
                             std::function<void(const Error&)> on_lost)
    : store_(store),
      options_(std::move(options)),
      session_id_(make_uuid_v7()),
      on_lost_(std::move(on_lost)) {}

Result<std::unique_ptr<WorkerSession>> WorkerSession::start(catalog::MetaStore& store, Options options,
                                                            std::function<void(const Error&)> on_lost) {
    std::unique_ptr<WorkerSession> session(new WorkerSession(store, std::move(options), std::move(on_lost)));
    catalog::NewWorker worker;
    worker.node_id = session->options_.node_id;
    worker.session_id = session->session_id_;
    worker.kind = session->options_.kind;
    worker.slots = session->options_.slots;
    worker.host = describe_host();
    worker.labels = session->options_.labels;
    worker.info = session->options_.info;
    TRY_ASSIGN(session->lock_, store.lock_session(session->session_id_));
    TRY_ASSIGN([[maybe_unused]] const auto epoch, store.register_worker(worker, session->options_.lease));
    session->heart_ = std::jthread([raw = session.get()](const std::stop_token& stop) { raw->beat(stop); });
    return session;
}

WorkerSession::~WorkerSession() {
    heart_.request_stop();
    if (heart_.joinable()) heart_.join();
    if (const auto retired = store_.retire_worker(session_id_); !retired.ok())
        log::debug("jobs", "the session could not be retired and will expire",
                   {{"err", retired.error().message}});
}

void WorkerSession::beat(const std::stop_token& stop) {
    auto last_answer = std::chrono::steady_clock::now();
    while (runtime::wait_for(options_.heartbeat, stop)) {
        const auto answer = store_.heartbeat(session_id_, options_.lease,
                                             options_.stats ? options_.stats() : std::string("{}"));
        const auto now = std::chrono::steady_clock::now();
        if (answer.ok()) {
            last_answer = now;
            if (options_.on_answer) options_.on_answer(*answer);
            continue;
        }
        const bool fenced = answer.error().code == Code::kConflict;
        if (!fenced && now - last_answer < options_.outage_max) {
            log::warn("jobs", "heartbeat failed", {{"err", answer.error().message}});
            continue;
        }
        on_lost_(fenced ? Error{Code::kConflict,
                                "another process took over this run's work: its lease ran out", "FENCED"}
                        : answer.error());
        return;
    }
}

}  // namespace amp::jobs
