// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "ctl/ampctl.hpp"

#include "ctl/api.hpp"
#include "ctl/completion.hpp"
#include "ctl/table.hpp"
#include "runtime/progress_text.hpp"
#include "runtime/signals.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>
#include <CLI/CLI.hpp>

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>

namespace amp::ctl {
namespace {

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kJobFailed = 3;

struct Flags {
    ApiOptions api;
    std::string token_file;
    bool json = false;
};

/// What a command works with.
struct Session {
    Api& api;
    bool json = false;
};

void print(std::string_view text) { fmt::print("{}", text); }
void print_json(const Json& json) { fmt::print("{}\n", json.dump(2)); }

std::string cell(const Json& object, const char* key, std::string_view fallback = "-") {
    if (!object.is_object() || !object.contains(key) || object[key].is_null()) return std::string(fallback);
    const auto& value = object[key];
    return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string count_cell(const Json& object, const char* key) {
    if (!object.contains(key) || !object[key].is_number_unsigned()) return cell(object, key);
    return runtime::with_thousands(object[key].get<std::uint64_t>());
}

std::string percent_cell(const Json& progress) {
    return progress.contains("percent") ? fmt::format("{:.1f}%", progress["percent"].get<double>()) : "-";
}

// "2026-11-24 05:53:06"
std::string time_cell(const Json& object, const char* key) {
    auto text = cell(object, key);
    if (text.size() > 19) text = text.substr(0, 10) + " " + text.substr(11, 8);
    return text;
}

/// A reference as path below /datasets: "NAMESPACE/NAME/versions/REVISION".
Result<std::string> version_path(const std::string& reference) {
    std::string ns = "_";
    std::string rest = reference.starts_with("pkg:amp/") ? reference.substr(8) : reference;
    if (const auto slash = rest.find('/'); slash != std::string::npos) {
        ns = rest.substr(0, slash);
        rest = rest.substr(slash + 1);
    }
    std::string revision;
    if (const auto at = rest.find('@'); at != std::string::npos) {
        revision = rest.substr(at + 1);
        rest = rest.substr(0, at);
    }
    if (ns.empty() || rest.empty())
        return make_error(Code::kInvalidArgument, "\"{}\" is no dataset; write [NAMESPACE/]NAME[@REVISION]",
                          reference);
    std::string path = fmt::format("/datasets/{}/{}", path_segment(ns), path_segment(rest));
    if (!revision.empty()) path += "/versions/" + path_segment(revision);
    return path;
}

/// The same with the revision that the server takes where none is written.
Result<std::string> resolved_path(Api& api, const std::string& reference) {
    TRY_ASSIGN(auto path, version_path(reference));
    if (path.find("/versions/") != std::string::npos) return path;
    TRY_ASSIGN(const auto dataset, api.get(path));
    return fmt::format("{}/versions/{}", path, cell(dataset, "manifest_hash"));
}

Result<std::string> read_input(const std::string& name) {
    std::stringstream content;
    if (name == "-") {
        content << std::cin.rdbuf();
    } else {
        std::ifstream file(name, std::ios::binary);
        content << file.rdbuf();
        if (!file) return make_error(Code::kInvalidArgument, "{} cannot be read", name);
    }
    return std::move(content).str();
}

Result<Json> read_json(const std::string& name) {
    TRY_ASSIGN(const auto text, read_input(name));
    auto json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return make_error(Code::kInvalidArgument, "{} holds no JSON object", name);
    return json;
}

Result<Json> read_provider(const std::string& name) {
    TRY_ASSIGN(const auto text, read_input(name));
    try {
        const toml::table table = toml::parse(text);
        std::stringstream json;
        json << toml::json_formatter(table);
        return Json::parse(json.str());
    } catch (const toml::parse_error& error) {
        return make_error(Code::kInvalidArgument, "{}:{}: {}", name, error.source().begin.line,
                          error.description());
    }
}

// "7" and -5 stay texts: the API reads both.
Json end_block_json(const std::string& text) {
    return text == "none" || text == "continuous" ? Json() : Json(text);
}

// ---- output of one kind of thing ----

Result<int> show(const Session& session, Result<Json> answer) {
    if (!answer.ok()) return std::move(answer).error();
    if (!answer->is_null()) print_json(*answer);
    (void)session;
    return kOk;
}

Result<int> show_list(const Session& session, Result<Json> answer, const char* key,
                      std::vector<std::string> header,
                      const std::function<std::vector<std::string>(const Json&)>& cells) {
    if (!answer.ok()) return std::move(answer).error();
    if (session.json) {
        print_json(*answer);
        return kOk;
    }
    Table table(std::move(header));
    for (const auto& one : (*answer)[key]) table.row(cells(one));
    print(table.text());
    if (answer->contains("next_cursor"))
        fmt::print(stderr, "more: --after {}\n", cell(*answer, "next_cursor"));
    return kOk;
}

std::vector<std::string> job_cells(const Json& job) {
    const auto& progress = job["progress"];
    std::string nodes;
    for (const auto& node : job["nodes"]) nodes += (nodes.empty() ? "" : ",") + node.get<std::string>();
    std::string note = cell(job, "reason", "");
    if (job.contains("last_error")) note = cell(job["last_error"], "error_message", "");
    if (note.size() > 60) note = note.substr(0, 57) + "...";
    return {cell(job, "id"),
            cell(job, "dataset"),
            cell(job, "status"),
            percent_cell(progress),
            count_cell(progress, "blocks_done"),
            cell(job["descriptor"], "end_block", "none"),
            nodes,
            time_cell(job, "created_at"),
            note};
}

// ---- waiting for a job ----

std::string progress_line(const Json& progress, std::size_t width) {
    const double percent = progress.value("percent", -1.0);
    const std::string head =
        fmt::format("job {} {}  {}{}{}  ", cell(progress, "job_id"), cell(progress, "job_status"),
                    count_cell(progress, "blocks_done"),
                    progress.contains("blocks_total") ? "/" + count_cell(progress, "blocks_total") : "",
                    percent >= 0 ? fmt::format("  {:.1f}%", percent) : "");
    const std::string tail = fmt::format(
        "  {} blk/s  {:.1f} MB/s  ETA {}",
        runtime::with_thousands(static_cast<std::uint64_t>(progress.value("blocks_per_sec", 0.0))),
        progress.value("bytes_per_sec", 0.0) / 1e6, runtime::duration_text(progress.value("eta_secs", -1.0)));
    const std::size_t room = width > head.size() + tail.size() ? width - head.size() - tail.size() : 0;
    return head + (percent >= 0 ? runtime::progress_bar(percent / 100, room) : "") + tail;
}

Result<int> follow(const Session& session, std::int64_t id, bool quiet) {
    const bool is_terminal = isatty(STDERR_FILENO) == 1;
    std::string last;
    const auto shown =
        session.api.events(fmt::format("/jobs/{}/stream", id), [&](std::string_view, const Json& data) {
            last = cell(data, "job_status");
            if (quiet) return;
            if (session.json) {
                fmt::print("{}\n", data.dump());
                std::fflush(stdout);
            } else if (is_terminal) {
                fmt::print(stderr, "\r\x1b[K{}", progress_line(data, 79));
            } else {
                fmt::print(stderr, "{}\n", progress_line(data, 0));
            }
        });
    if (is_terminal && !quiet && !session.json) fmt::print(stderr, "\n");
    TRY(shown);
    if (last.empty()) return make_error(Code::kNotFound, "job {} was deleted", id);
    if (quiet && !session.json) fmt::print("job {} {}\n", id, last);
    return last == "COMPLETED" ? kOk : kJobFailed;
}

// ---- the command tree ----

using Action = std::function<Result<int>(const Session&)>;

/// Holds the values of options and the action of the command that was given.
class Commands {
  public:
    explicit Commands(CLI::App& root) : root_(root) {
        root_.require_subcommand(1);
        add_status();
        add_workers();
        add_datasets();
        add_jobs();
        add_providers();
        add_manifests();
        add_tables();
        add_gc();
        auto* completion = add(root_, "completion", "print a completion script for bash or zsh");
        completion->add_option("shell", shell_, "bash or zsh")
            ->required()
            ->check(CLI::IsMember({"bash", "zsh"}));
        offline_ = completion;
    }

    bool is_offline() const { return offline_->parsed(); }
    int print_completion() const {
        print(completion_script(root_, shell_));
        return kOk;
    }
    const Action& action() const { return action_; }

  private:
    CLI::App* add(CLI::App& parent, const std::string& name, const std::string& help, Action action = {}) {
        auto* command = parent.add_subcommand(name, help);
        command->fallthrough();
        if (action) command->callback([this, action] { action_ = action; });
        return command;
    }
    CLI::App* group(const std::string& name, const std::string& help) {
        auto* command = add(root_, name, help);
        command->require_subcommand(1);
        return command;
    }
    CLI::App* with_name(CLI::App* command, const std::string& what) {
        command->add_option(what, name_, what)->required();
        return command;
    }
    CLI::App* with_id(CLI::App* command) {
        command->add_option("ID", id_, "job id")->required()->check(CLI::PositiveNumber);
        return command;
    }

    void add_status() {
        add(root_, "status", "the cluster on one screen", [](const Session& session) -> Result<int> {
            TRY_ASSIGN(const auto status, session.api.get("/status"));
            if (session.json) {
                print_json(status);
                return kOk;
            }
            fmt::print("server {}{}\n", cell(status, "version"),
                       status.value("is_leader", false) ? ", schedules" : "");
            for (const auto* what : {"workers", "jobs", "shards"}) {
                std::string line;
                for (const auto& [state, count] : status[what].items())
                    line += fmt::format("{}{} {}", line.empty() ? "" : ", ", count.dump(), state);
                fmt::print("{:<8}{}\n", what, line.empty() ? "none" : line);
            }
            TRY_ASSIGN(const auto jobs, session.api.get("/jobs"));
            if (jobs["jobs"].empty()) return kOk;
            print("\n");
            return list_jobs(session, jobs);
        });
    }

    static Result<int> list_jobs(const Session& session, Result<Json> answer) {
        return show_list(session, std::move(answer), "jobs",
                         {"ID", "DATASET", "STATUS", "DONE", "BLOCKS", "END", "NODES", "CREATED", "NOTE"},
                         job_cells);
    }

    void add_workers() {
        auto* worker = group("worker", "workers: list, inspect, drain, rm");
        add(*worker, "list", "all workers", [](const Session& session) {
            return show_list(session, session.api.get("/workers"), "workers",
                             {"NODE", "STATE", "KIND", "RUNNING", "SLOTS", "HEARTBEAT", "VERSION"},
                             [](const Json& one) -> std::vector<std::string> {
                                 return {cell(one, "node_id"),        cell(one, "state"),
                                         cell(one, "kind"),           cell(one, "running"),
                                         cell(one, "slots"),          time_cell(one, "heartbeat_at"),
                                         cell(one["info"], "version")};
                             });
        })->alias("ls");
        const auto by_id = [this](const char* method, const char* suffix) {
            return [this, method, suffix](const Session& session) {
                return show(session, session.api.call(method, "/workers/" + path_segment(name_) + suffix));
            };
        };
        with_name(add(*worker, "inspect", "one worker", by_id("GET", "")), "NODE");
        with_name(add(*worker, "drain", "let a worker finish and end", by_id("POST", "/drain")), "NODE");
        with_name(add(*worker, "rm", "forget a worker that is gone", by_id("DELETE", "")), "NODE");
    }

    Json deploy_body() const {
        Json body = Json::object();
        if (end_block_) body["end_block"] = end_block_json(*end_block_);
        if (parallelism_) body["parallelism"] = *parallelism_;
        if (!worker_glob_.empty()) body["worker_id"] = worker_glob_;
        if (verify_) body["verify"] = *verify_;
        for (const auto& pair : labels_) {
            const auto equals = pair.find('=');
            body["labels"][pair.substr(0, equals)] =
                equals == std::string::npos ? "" : pair.substr(equals + 1);
        }
        return body;
    }

    Result<int> start_job(const Session& session, const std::string& path, const Json& body) const {
        TRY_ASSIGN(const auto reference, session.api.call("POST", path, body));
        if (session.json) {
            print_json(reference);
        } else {
            fmt::print("job {} {} {}\n", cell(reference, "job_id"), cell(reference, "dataset"),
                       reference.value("created", true) ? cell(reference, "status") : "goes on");
        }
        if (!wait_) return kOk;
        return follow(session, reference["job_id"].get<std::int64_t>(), false);
    }

    void add_deploy_options(CLI::App* command) {
        command->add_option("-e,--end-block", end_block_,
                            "N, -N, latest, finalized; without it the job has no end");
        command->add_option("-j,--parallelism", parallelism_, "shards at once; 0 = automatic");
        command->add_option("--worker-id", worker_glob_,
                            "only workers with such an id; * and ? stand for others");
        command->add_option("--label", labels_, "only workers with this label, K=V; repeatable");
        command->add_option("--verify", verify_, "check blocks before writing");
        command->add_flag("--wait", wait_, "follow the job to its end");
    }

    void add_datasets() {
        auto* dataset = group(
            "dataset",
            "datasets: list, inspect, versions, manifest, gaps, repair, restore, register, deploy, dump, rm");
        add(*dataset, "list", "all datasets", [](const Session& session) {
            return show_list(session, session.api.get("/datasets"), "datasets",
                             {"DATASET", "LATEST", "KIND", "NETWORK", "TABLES", "JOB"},
                             [](const Json& one) -> std::vector<std::string> {
                                 std::string tables;
                                 for (const auto& name : one["tables"])
                                     tables += (tables.empty() ? "" : ",") + name.get<std::string>();
                                 auto version = cell(one, "latest_version", "");
                                 if (version.empty()) version = cell(one, "dev_hash").substr(0, 7);
                                 return {cell(one, "namespace") + "/" + cell(one, "name"),
                                         version,
                                         cell(one, "kind"),
                                         cell(one, "network"),
                                         tables,
                                         cell(one, "active_job")};
                             });
        })->alias("ls");
        const auto of = [this](const char* suffix) {
            return [this, suffix](const Session& session) -> Result<int> {
                TRY_ASSIGN(const auto path, resolved_path(session.api, name_));
                return show(session, session.api.get(path + suffix));
            };
        };
        with_name(add(*dataset, "inspect", "one dataset", of("")), "DATASET")->alias("get");
        with_name(add(*dataset, "manifest", "its manifest", of("/manifest")), "DATASET");
        with_name(add(*dataset, "gaps", "blocks that tables lack", of("/gaps")), "DATASET");
        with_name(add(*dataset, "progress", "what is stored of each table", of("/sync-progress")), "DATASET");
        with_name(add(*dataset, "versions", "its versions",
                      [this](const Session& session) -> Result<int> {
                          TRY_ASSIGN(const auto path, version_path(name_));
                          return show_list(session, session.api.get(path + "/versions"), "versions",
                                           {"VERSION", "MANIFEST", "CREATED"},
                                           [](const Json& one) -> std::vector<std::string> {
                                               return {cell(one, "version"),
                                                       cell(one, "manifest_hash").substr(0, 7),
                                                       time_cell(one, "created_at")};
                                           });
                      }),
                  "DATASET");
        with_name(add(*dataset, "rm", "remove a dataset or, with @VERSION, a version; files stay",
                      [this](const Session& session) -> Result<int> {
                          TRY_ASSIGN(const auto path, version_path(name_));
                          return show(session, session.api.call("DELETE", path));
                      }),
                  "DATASET");
        auto* reg =
            add(*dataset, "register", "register a manifest under a name",
                [this](const Session& session) -> Result<int> {
                    TRY_ASSIGN(auto manifest, read_json(file_));
                    Json body = {{"namespace", "_"}, {"name", name_}};
                    if (const auto slash = name_.find('/'); slash != std::string::npos)
                        body = {{"namespace", name_.substr(0, slash)}, {"name", name_.substr(slash + 1)}};
                    if (!tag_.empty()) body["version"] = tag_;
                    if (force_) body["force_tag"] = true;
                    if (strict_) body["strict"] = true;
                    body["manifest"] = std::move(manifest);
                    return show(session, session.api.call("POST", "/datasets", body));
                })
                ->alias("reg");
        with_name(reg, "NAME")->add_option("FILE", file_, "manifest, - = standard input")->required();
        reg->add_option("-t,--tag", tag_, "version, such as 1.2.3");
        reg->add_flag("--force-tag", force_, "the version may have had another manifest");
        reg->add_flag("--strict", strict_, "warnings are errors");
        auto* repair = with_name(add(*dataset, "repair", "extract what tables lack below their highest block",
                                     [this](const Session& session) -> Result<int> {
                                         TRY_ASSIGN(const auto path, resolved_path(session.api, name_));
                                         Json body = Json::object();
                                         if (from_block_) body["from_block"] = *from_block_;
                                         if (!tables_.empty()) body["tables"] = tables_;
                                         return start_job(session, path + "/repair", body);
                                     }),
                                 "DATASET");
        repair->add_option("--table", tables_, "only this table; repeatable");
        repair->add_option("--from-block", from_block_, "only blocks from this one on");
        repair->add_flag("--wait", wait_, "follow the job to its end");
        auto* restore = with_name(
            add(*dataset, "restore", "register and activate the newest stored files of its tables",
                [this](const Session& session) -> Result<int> {
                    if (location_id_ && tables_.size() != 1)
                        return make_error(Code::kInvalidArgument, "--location-id needs one --table");
                    TRY_ASSIGN(const auto path, resolved_path(session.api, name_));
                    if (tables_.empty()) return show(session, session.api.call("POST", path + "/restore"));
                    for (const auto& table : tables_) {
                        Json body = Json::object();
                        if (location_id_) body["location_id"] = *location_id_;
                        TRY(show(session,
                                 session.api.call(
                                     "POST", fmt::format("{}/tables/{}/restore", path, path_segment(table)),
                                     body)));
                    }
                    return kOk;
                }),
            "DATASET");
        restore->add_option("--table", tables_, "only this table; repeatable");
        restore->add_option("--location-id", location_id_, "this revision instead of the newest");
        auto* deploy = add(*dataset, "deploy", "extract a registered dataset",
                           [this](const Session& session) -> Result<int> {
                               TRY_ASSIGN(const auto path, resolved_path(session.api, name_));
                               return start_job(session, path + "/deploy", deploy_body());
                           })
                           ->alias("dep");
        add_deploy_options(with_name(deploy, "DATASET"));
        auto* dump = add(*dataset, "dump", "extract a dataset; bundled names are registered by it",
                         [this](const Session& session) {
                             return start_job(session, fmt::format("/datasets/{}/dump", path_segment(name_)),
                                              deploy_body());
                         });
        add_deploy_options(with_name(dump, "DATASET"));
    }

    void add_jobs() {
        auto* job = group(
            "job", "jobs: list, inspect, events, progress, watch, wait, stop, resume, retry, rm, prune");
        auto* list = add(*job, "list", "jobs, newest first", [this](const Session& session) {
                         std::string path =
                             fmt::format("/jobs?limit={}&status={}", limit_, path_segment(status_));
                         if (!after_.empty()) path += "&cursor=" + path_segment(after_);
                         if (!dataset_.empty()) path += "&dataset=" + path_segment(dataset_);
                         return list_jobs(session, session.api.get(path));
                     })->alias("ls");
        list->add_option("-s,--status", status_, "active (default), terminal, all, or states")
            ->capture_default_str();
        list->add_option("-l,--limit", limit_, "rows")->check(CLI::Range(1, 1000))->capture_default_str();
        list->add_option("-a,--after", after_, "the next page");
        list->add_option("-d,--dataset", dataset_, "of this dataset");
        const auto of = [this](const char* method, const char* suffix) {
            return [this, method, suffix](const Session& session) {
                return show(session, session.api.call(method, fmt::format("/jobs/{}{}", id_, suffix)));
            };
        };
        with_id(add(*job, "inspect", "one job", of("GET", "")))->alias("get");
        with_id(add(*job, "progress", "its progress", of("GET", "/progress")));
        with_id(add(*job, "shards", "its shards", of("GET", "/shards")));
        with_id(add(*job, "stop", "ask it to stop", of("PUT", "/stop")));
        with_id(add(*job, "rm", "remove a job that ended", of("DELETE", "")));
        with_id(add(*job, "events", "what happened to it, newest first",
                    [this](const Session& session) -> Result<int> {
                        if (event_id_)
                            return show(session,
                                        session.api.get(fmt::format("/jobs/{}/events/{}", id_, *event_id_)));
                        return show_list(
                            session, session.api.get(fmt::format("/jobs/{}/events?limit=1000", id_)),
                            "events", {"ID", "TIME", "EVENT", "NODE", "SHARD"},
                            [](const Json& one) -> std::vector<std::string> {
                                return {cell(one, "id"), time_cell(one, "created_at"),
                                        cell(one, "event_type"), cell(one, "node_id"), cell(one, "shard_id")};
                            });
                    }))
            ->add_option("--event-id", event_id_, "one event with its details");
        with_id(add(*job, "watch", "follow it to its end", [this](const Session& session) {
            return follow(session, id_, false);
        }))->alias("follow");
        with_id(add(*job, "wait", "wait for its end",
                    [this](const Session& session) { return follow(session, id_, true); }));
        for (const auto* name : {"resume", "retry"}) {
            auto* again =
                with_id(add(*job, name, "start an ended job again", [this, name](const Session& session) {
                    return start_job(session, fmt::format("/jobs/{}/{}", id_, name), deploy_body());
                }));
            again->add_option("-e,--end-block", end_block_, "another end");
            again->add_option("-j,--parallelism", parallelism_, "shards at once; 0 = automatic");
            again->add_flag("--wait", wait_, "follow the job to its end");
        }
        auto* prune = add(*job, "prune", "remove all jobs that ended", [this](const Session& session) {
            return show(session, session.api.call("DELETE", "/jobs?status=" + path_segment(prune_status_)));
        });
        prune->add_option("-s,--status", prune_status_, "terminal, completed, stopped or failed")
            ->capture_default_str();
    }

    void add_providers() {
        auto* provider = group("provider", "providers: ls, inspect, register, test, rm");
        add(*provider, "ls", "all providers", [](const Session& session) {
            return show_list(
                session, session.api.get("/providers"), "providers",
                {"NAME", "KIND", "NETWORK", "SOURCE", "URL", "USABLE"},
                [](const Json& one) -> std::vector<std::string> {
                    return {cell(one, "name"),          cell(one, "kind"),
                            cell(one, "network"),       cell(one, "source"),
                            cell(one["config"], "url"), one.contains("error") ? cell(one, "error") : "yes"};
                });
        })->alias("list");
        const auto by_name = [this](const char* method, const char* suffix) {
            return [this, method, suffix](const Session& session) {
                return show(session, session.api.call(method, "/providers/" + path_segment(name_) + suffix));
            };
        };
        with_name(add(*provider, "inspect", "one provider", by_name("GET", "")), "NAME");
        with_name(add(*provider, "test", "ask it for its chain and head", by_name("POST", "/test")), "NAME");
        with_name(add(*provider, "rm", "remove it", by_name("DELETE", "")), "NAME");
        auto* reg = with_name(
            add(*provider, "register", "add a provider",
                [this](const Session& session) -> Result<int> {
                    TRY_ASSIGN(auto body, read_provider(file_));
                    if (force_)
                        return show(session,
                                    session.api.call("PUT", "/providers/" + path_segment(name_), body));
                    body["name"] = name_;
                    return show(session, session.api.call("POST", "/providers", body));
                }),
            "NAME");
        reg->add_option("FILE", file_, "TOML with kind, network and url; - = standard input")->required();
        reg->add_flag("--replace", force_, "change it if it is there");
    }

    void add_manifests() {
        auto* manifest = group("manifest", "manifests: list, inspect, register, rm, prune");
        add(*manifest, "list", "all manifests", [](const Session& session) {
            return show_list(session, session.api.get("/manifests"), "manifests",
                             {"HASH", "KIND", "DATASETS"}, [](const Json& one) -> std::vector<std::string> {
                                 return {cell(one, "hash"), cell(one, "kind"), cell(one, "dataset_count")};
                             });
        })->alias("ls");
        with_name(add(*manifest, "inspect", "its canonical text",
                      [this](const Session& session) -> Result<int> {
                          TRY_ASSIGN(const auto text,
                                     session.api.text("GET", "/manifests/" + path_segment(name_)));
                          fmt::print("{}\n", text);
                          return kOk;
                      }),
                  "HASH");
        with_name(add(*manifest, "rm", "remove it",
                      [this](const Session& session) {
                          return show(session,
                                      session.api.call("DELETE", "/manifests/" + path_segment(name_)));
                      }),
                  "HASH");
        add(*manifest, "prune", "remove all that nothing uses",
            [](const Session& session) { return show(session, session.api.call("DELETE", "/manifests")); });
        add(*manifest, "register", "validate and store a manifest",
            [this](const Session& session) -> Result<int> {
                TRY_ASSIGN(const auto body, read_json(file_));
                return show(session, session.api.call("POST", "/manifests", body));
            })
            ->add_option("FILE", file_, "manifest, - = standard input")
            ->required();
    }

    /// True if the user, or -f, agrees. Without a terminal to ask on only -f does.
    Result<bool> confirm(const std::string& question) const {
        if (force_) return true;
        if (isatty(STDIN_FILENO) == 0)
            return make_error(Code::kInvalidArgument, "{} Repeat with -f to do it without being asked",
                              question);
        fmt::print(stderr, "{} [y/N] ", question);
        std::string answer;
        std::getline(std::cin, answer);
        return answer == "y" || answer == "Y" || answer == "yes";
    }

    void add_tables() {
        auto* table =
            group("table",
                  "revisions of tables: list, get, register, activate, deactivate, restore, truncate, "
                  "prune, delete");
        auto* list =
            add(*table, "list", "revisions, newest first", [this](const Session& session) -> Result<int> {
                TRY_ASSIGN(auto revisions, session.api.get(fmt::format("/revisions?limit={}{}", limit_,
                                                                       only_active_ ? "&active=true" : "")));
                if (session.json) {
                    print_json(revisions);
                    return kOk;
                }
                return show_list(session, Json{{"revisions", std::move(revisions)}}, "revisions",
                                 {"ID", "DATASET", "TABLE", "MANIFEST", "ACTIVE", "WRITER", "PATH"},
                                 [](const Json& one) -> std::vector<std::string> {
                                     const auto& of = one["metadata"];
                                     return {cell(one, "id"),
                                             cell(of, "dataset_namespace") + "/" + cell(of, "dataset_name"),
                                             cell(of, "table_name"),
                                             cell(of, "manifest_hash").substr(0, 7),
                                             cell(one, "active"),
                                             cell(one, "writer"),
                                             cell(one, "path")};
                                 });
            })->alias("ls");
        list->add_flag("-a,--active", only_active_, "only active ones");
        list->add_option("-l,--limit", limit_, "rows")->check(CLI::Range(1, 1000))->capture_default_str();
        const auto of = [this](const char* method, const char* suffix) {
            return [this, method, suffix](const Session& session) {
                return show(session, session.api.call(method, fmt::format("/revisions/{}{}", id_, suffix)));
            };
        };
        const auto revision = [this](CLI::App* command) {
            command->add_option("ID", id_, "revision id")->required()->check(CLI::PositiveNumber);
            return command;
        };
        revision(add(*table, "get", "one revision", of("GET", "")))->alias("inspect");
        revision(
            add(*table, "activate", "make it the one that queries and jobs use", of("POST", "/activate")));
        revision(add(*table, "restore", "register the files of its directory that are not known",
                     of("POST", "/restore")));
        auto* deactivate = add(
            *table, "deactivate", "leave a table without an active revision", [this](const Session& session) {
                return show(session, session.api.call("POST", "/revisions/deactivate",
                                                      Json{{"dataset", name_}, {"table_name", tag_}}));
            });
        with_name(deactivate, "DATASET")->add_option("TABLE", tag_, "table")->required();
        auto* reg = add(
            *table, "register", "name a directory as an inactive revision", [this](const Session& session) {
                return show(session, session.api.call(
                                         "POST", "/revisions",
                                         Json{{"dataset", name_}, {"table_name", tag_}, {"path", file_}}));
            });
        with_name(reg, "DATASET")->add_option("TABLE", tag_, "table")->required();
        reg->add_option("PATH", file_, "directory, relative to the data directory")->required();
        const auto with_force = [this](CLI::App* command) {
            command->add_flag("-f,--force", force_, "do not ask");
            return command;
        };
        with_force(revision(add(*table, "delete", "forget an inactive revision without files",
                                [this, of](const Session& session) -> Result<int> {
                                    TRY_ASSIGN(const bool agreed,
                                               confirm(fmt::format("Delete revision {}?", id_)));
                                    return agreed ? of("DELETE", "")(session) : Result<int>(kOk);
                                })))
            ->alias("rm");
        auto* truncate = with_force(revision(add(
            *table, "truncate", "delete all files of an inactive revision now",
            [this, of](const Session& session) -> Result<int> {
                TRY_ASSIGN(const bool agreed, confirm(fmt::format("Delete all files of revision {}?", id_)));
                return agreed ? of("DELETE", "/truncate")(session) : Result<int>(kOk);
            })));
        truncate->add_option("--concurrency", concurrency_, "accepted for older scripts")
            ->capture_default_str();
        auto* prune = revision(add(*table, "prune", "schedule files of an inactive revision for deletion",
                                   [this](const Session& session) {
                                       auto path =
                                           fmt::format("/revisions/{}/prune?gc_delay_secs={}", id_, delay_);
                                       if (from_block_) path += fmt::format("&before_block={}", *from_block_);
                                       return show(session, session.api.call("DELETE", path));
                                   }));
        prune->add_option("--before-block", from_block_, "only files that end below it");
        prune->add_option("--gc-delay", delay_, "seconds until they may be deleted")->capture_default_str();
    }

    void add_gc() {
        auto* gc =
            add(root_, "gc", "delete files that nothing reads any more",
                [this](const Session& session) -> Result<int> {
                    TRY_ASSIGN(const auto done, session.api.call("POST", "/gc", Json{{"dry_run", dry_run_}}));
                    if (session.json)
                        print_json(done);
                    else
                        fmt::print("{} {} files, {} bytes\n", dry_run_ ? "would delete" : "deleted",
                                   count_cell(done, "files"), count_cell(done, "bytes"));
                    return kOk;
                });
        gc->add_flag("--dry-run", dry_run_, "only say what would be deleted");
    }

    CLI::App& root_;
    CLI::App* offline_ = nullptr;
    Action action_;
    std::string shell_, name_, file_, tag_, worker_glob_, after_, dataset_;
    std::string status_ = "active";
    std::string prune_status_ = "terminal";
    std::optional<std::string> end_block_;
    std::optional<int> parallelism_;
    std::optional<bool> verify_;
    std::optional<std::int64_t> event_id_;
    std::vector<std::string> labels_, tables_;
    std::optional<std::uint64_t> from_block_;
    std::optional<std::int64_t> location_id_;
    std::int64_t id_ = 0;
    std::int64_t delay_ = 3600;
    int concurrency_ = 10;
    int limit_ = 50;
    bool wait_ = false, force_ = false, strict_ = false, only_active_ = false, dry_run_ = false;
};

int report(const Error& error, const Flags& flags) {
    if (flags.json) {
        const Json shown = {{"error_code", error.reason.empty() ? "CLIENT_ERROR" : error.reason},
                            {"error_message", error.message}};
        fmt::print("{}\n", shown.dump());
    }
    fmt::print(stderr, "Exiting with error: {}\n", error.message);
    return kFailed;
}

Result<int> perform(const Flags& flags, const Action& action, runtime::SignalStop& signals) {
    auto options = flags.api;
    if (!flags.token_file.empty()) {
        TRY_ASSIGN(options.token, read_input(flags.token_file));
        while (options.token.ends_with('\n') || options.token.ends_with('\r')) options.token.pop_back();
    }
    TRY_ASSIGN(const auto api, Api::open(std::move(options), signals.token()));
    return action({*api, flags.json});
}

}  // namespace

int run(int argc, char** argv) {
    CLI::App app("Manages an Amp cluster through its Admin API", "ampctl");
    Flags flags;
    app.add_option("--admin-url", flags.api.url, "the Admin API")
        ->envname("AMP_ADMIN_URL")
        ->capture_default_str();
    app.add_option("--auth-token", flags.api.token, "bearer token")->envname("AMP_AUTH_TOKEN");
    app.add_option("--auth-token-file", flags.token_file, "file with the bearer token");
    app.add_flag("--json", flags.json, "JSON instead of tables, for errors too");
    app.add_option("--timeout", flags.api.timeout_s, "seconds for one call")
        ->check(CLI::Range(0.1, 3600.0))
        ->capture_default_str();
    app.add_option("--ca-file", flags.api.ca_file, "certificates to trust");
    app.add_option("--cert", flags.api.cert_file, "client certificate");
    app.add_option("--key", flags.api.key_file, "key of the client certificate");
    Commands commands(app);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kOk : kUsage;
    }
    if (commands.is_offline()) return commands.print_completion();
    runtime::SignalStop signals([](int) {});
    const auto outcome = perform(flags, commands.action(), signals);
    if (outcome.ok()) return *outcome;
    if (outcome.error().code == Code::kCancelled && signals.signal() != 0) return 128 + signals.signal();
    return report(outcome.error(), flags);
}

}  // namespace amp::ctl
