// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "testing/scratch_postgres.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <vector>

namespace amp::testing {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kStartTimeout{60};
constexpr std::chrono::seconds kStopTimeout{20};

std::optional<std::string> find_binaries() {
    std::vector<fs::path> folders;
    if (const char* given = std::getenv("AMP_PG_BINDIR")) folders.emplace_back(given);
    std::error_code ignored;
    std::vector<fs::path> versions;
    for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
        versions.push_back(entry.path() / "bin");
    }
    std::ranges::sort(versions, std::ranges::greater{});
    folders.insert(folders.end(), versions.begin(), versions.end());
    if (const char* path = std::getenv("PATH")) {
        std::stringstream list(path);
        for (std::string folder; std::getline(list, folder, ':');) folders.emplace_back(folder);
    }
    for (const auto& folder : folders) {
        if (fs::exists(folder / "initdb", ignored) && fs::exists(folder / "postgres", ignored))
            return folder.string();
    }
    return std::nullopt;
}

struct Identity {
    uid_t user = 0;
    gid_t group = 0;
};

/// Whom the server runs as; absent = as ourselves.
std::optional<Identity> server_identity() {
    if (geteuid() != 0) return std::nullopt;
    for (const char* name : {"postgres", "nobody"}) {
        if (const auto* entry = getpwnam(name)) return Identity{entry->pw_uid, entry->pw_gid};
    }
    return std::nullopt;
}

/// Starts a program in `folder` with its output in a log there. -1 if there is no process.
pid_t spawn(const std::string& folder, const std::vector<std::string>& command) {
    const auto identity = server_identity();
    const auto log = folder + "/server.log";
    std::vector<char*> arguments;
    for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const auto parent = getpid();

    const pid_t child = fork();
    if (child != 0) return child;
    // Only calls that are safe after fork. A change of user clears the death signal, so it comes first.
    if (identity &&
        (setgroups(0, nullptr) != 0 || setgid(identity->group) != 0 || setuid(identity->user) != 0)) {
        _exit(126);
    }
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (getppid() != parent) _exit(126);
    const int null = open("/dev/null", O_RDONLY);
    const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (chdir(folder.c_str()) != 0 || null < 0 || out < 0) _exit(126);
    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    close_range(3, ~0U, 0);
    execv(arguments[0], arguments.data());
    _exit(127);
}

/// The exit status, or nothing if the time ran out.
std::optional<int> wait_for_exit(pid_t child, std::chrono::seconds timeout) {
    const int handle = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
    if (handle >= 0) {
        pollfd polled{handle, POLLIN, 0};
        const auto milliseconds = std::chrono::milliseconds(timeout).count();
        const int ready = poll(&polled, 1, static_cast<int>(milliseconds));
        close(handle);
        if (ready == 0) return std::nullopt;
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child) return -1;
    return status;
}

std::string log_tail(const std::string& folder) {
    std::ifstream in(folder + "/server.log");
    std::stringstream text;
    text << in.rdbuf();
    auto all = std::move(text).str();
    return all.size() > 500 ? all.substr(all.size() - 500) : all;
}

/// The server writes its state into the eighth line of postmaster.pid.
bool is_ready(const std::string& folder) {
    std::ifstream in(folder + "/data/postmaster.pid");
    std::string line;
    for (int i = 0; i < 8; ++i) {
        if (!std::getline(in, line)) return false;
    }
    return line.starts_with("ready");
}

}  // namespace

Result<std::unique_ptr<ScratchPostgres>> ScratchPostgres::start() {
    const auto bin = find_binaries();
    if (!bin) {
        return make_error(Code::kNotFound,
                          "no PostgreSQL server is installed; install it or set AMP_PG_BINDIR");
    }
    auto pattern = (fs::temp_directory_path() / "amp_pg_XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
        return make_error(Code::kInternal, "cannot make a temporary folder: {}", std::strerror(errno));
    }
    std::unique_ptr<ScratchPostgres> server(new ScratchPostgres(*bin, pattern));
    if (const auto identity = server_identity()) {
        if (chown(pattern.c_str(), identity->user, identity->group) != 0) {
            return make_error(Code::kPermissionDenied, "cannot give {} to the server's user", pattern);
        }
    }
    const pid_t made = spawn(pattern, {*bin + "/initdb", "-D", pattern + "/data", "-U", "amp", "-A", "trust",
                                       "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"});
    const auto status = made > 0 ? wait_for_exit(made, kStartTimeout) : std::nullopt;
    if (!status) {
        if (made > 0) kill(made, SIGKILL);
        return make_error(Code::kInternal, "initdb did not end");
    }
    if (*status != 0) return make_error(Code::kInternal, "initdb failed: {}", log_tail(pattern));
    TRY(server->launch());
    return server;
}

Result<> ScratchPostgres::launch() {
    constexpr int kPollMs = 10;
    std::error_code ignored;
    fs::remove(folder_ + "/data/postmaster.pid", ignored);
    // Commits stay synchronous: they only go as far as the system's cache, but a crash of the server must
    // keep them.
    server_ = spawn(
        folder_, {bin_ + "/postgres", "-D", folder_ + "/data", "-k", folder_, "-c", "listen_addresses=", "-c",
                  "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=100"});
    if (server_ < 0) return make_error(Code::kInternal, "cannot start a process: {}", std::strerror(errno));
    for (const auto deadline = Clock::now() + kStartTimeout; Clock::now() < deadline;
         poll(nullptr, 0, kPollMs)) {
        if (is_ready(folder_)) return {};
        int status = 0;
        if (waitpid(server_, &status, WNOHANG) == server_) {
            server_ = -1;
            break;
        }
    }
    return make_error(Code::kInternal, "PostgreSQL did not start: {}", log_tail(folder_));
}

void ScratchPostgres::stop(int signal) {
    if (server_ <= 0) return;
    kill(server_, signal);
    if (!wait_for_exit(server_, kStopTimeout)) {
        kill(server_, SIGKILL);
        wait_for_exit(server_, kStopTimeout);
    }
    server_ = -1;
}

Result<> ScratchPostgres::crash_and_restart() {
    stop(SIGQUIT);  // immediate shutdown: connections are cut, the log is replayed at the next start
    return launch();
}

ScratchPostgres::~ScratchPostgres() {
    stop(SIGINT);
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

std::string ScratchPostgres::url(const std::string& user) const {
    std::string host;
    for (const char c : folder_) host += c == '/' ? std::string("%2F") : std::string(1, c);
    return "postgresql://" + user + "@" + host + "/postgres";
}

}  // namespace amp::testing
