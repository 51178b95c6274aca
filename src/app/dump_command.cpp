// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/commands.hpp"
#include "app/context.hpp"
#include "app/providers.hpp"
#include "app/version.hpp"
#include "base/log.hpp"
#include "base/time.hpp"
#include "extract/evm_rpc/source.hpp"
#include "jobs/dump.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace amp::app {
namespace {

constexpr int kAutoJobsMax = 8;

Result<int> parse_jobs(const std::string& text, std::int64_t configured) {
    const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    if (text == "auto") return configured > 0 ? static_cast<int>(configured) : std::min(cores, kAutoJobsMax);
    int jobs = 0;
    const auto [last, failure] = std::from_chars(text.data(), text.data() + text.size(), jobs);
    if (failure != std::errc{} || last != text.data() + text.size() || jobs < 1 || jobs > 1024)
        return make_error(Code::kInvalidArgument, "--n-jobs {}: must be auto or a number from 1 to 1024",
                          text);
    return jobs;
}

runtime::ProgressMode parse_progress(const std::string& text) {
    if (text == "bar") return runtime::ProgressMode::kBar;
    if (text == "plain") return runtime::ProgressMode::kPlain;
    if (text == "json") return runtime::ProgressMode::kJson;
    if (text == "none") return runtime::ProgressMode::kNone;
    return runtime::ProgressMode::kAuto;
}

std::string node_id() {
    std::array<char, 200> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) host = {'h', 'o', 's', 't'};
    return fmt::format("dump-{}-{}-{}", host.data(), ::getpid(), random_hex(3));
}

// A dataset of this run with the provider it is read from.
struct Subject {
    jobs::ResolvedArgument argument;
    std::string name;
    std::shared_ptr<extract::BlockSource> source;
};

Result<jobs::DumpOptions> make_options(const CommandLine& line, const config::Config& config) {
    jobs::DumpOptions options;
    TRY_ASSIGN(options.end, jobs::parse_end_block(line.dump.end_block));
    if (options.end.kind == jobs::EndBlock::Kind::kNone)
        return make_error(
            Code::kUnsupported,
            "--end-block {}: a dump ends; to follow the chain use ampd dev, or a job without an "
            "end block on ampd controller and ampd worker",
            line.dump.end_block);
    TRY_ASSIGN(options.parallelism, parse_jobs(line.dump.jobs, config.jobs_parallelism));
    options.max_attempts = line.dump.max_attempts;
    static_cast<jobs::ExtractionOptions&>(options) = extraction_options(config, options.parallelism);
    options.limits.verify = line.dump.verify.value_or(config.extract_verify);
    if (line.dump.partition_size_mb) options.limits.segment_bytes = *line.dump.partition_size_mb << 20;
    TRY(columnar::validate(options.writer));
    return options;
}

// Understands every argument before anything is written.
Result<std::vector<Subject>> resolve_subjects(const CommandLine& line, catalog::MetaStore& store,
                                              const jobs::ManifestPlaces& places) {
    std::vector<Subject> subjects;
    std::set<std::string> seen;
    for (const auto& argument : line.dump.datasets) {
        if (argument.empty()) continue;
        Subject subject;
        TRY_ASSIGN(subject.argument, jobs::resolve_argument(store, places, argument));
        subject.name = subject.argument.ref.ns + "/" + subject.argument.ref.name;
        if (seen.insert(subject.name).second) subjects.push_back(std::move(subject));
    }
    if (subjects.empty()) return make_error(Code::kInvalidArgument, "--dataset: names no dataset");
    return subjects;
}

Result<> attach_sources(std::vector<Subject>& subjects, const config::Loaded& loaded, const CommandLine& line,
                        std::stop_token stop) {
    std::vector<std::pair<std::string, std::string>> wanted;
    for (const auto& subject : subjects) {
        const auto& manifest = subject.argument.manifest;
        const std::pair pair(manifest.kind, manifest.network);
        if (std::find(wanted.begin(), wanted.end(), pair) == wanted.end()) wanted.push_back(pair);
    }
    TRY_ASSIGN(const auto providers, load_providers(loaded, line.dump.provider_urls, wanted));
    const auto folder = config::resolve_path(loaded, "providers_dir", loaded.config.providers_dir);
    std::map<std::pair<std::string, std::string>, std::shared_ptr<extract::BlockSource>> sources;
    for (auto& subject : subjects) {
        const auto& manifest = subject.argument.manifest;
        auto& source = sources[{manifest.kind, manifest.network}];
        if (!source) {
            TRY_ASSIGN(const auto provider,
                       choose_provider(providers, manifest.kind, manifest.network, folder));
            TRY_ASSIGN(auto opened, extract::evm_rpc::open_source(provider));
            source = std::move(opened);
            TRY(check_chain(*source, provider, manifest.network, stop));
        }
        subject.source = source;
    }
    return {};
}

void print_summary(const jobs::DumpSummary& summary) {
    const double rate = summary.seconds > 0 ? static_cast<double>(summary.blocks) / summary.seconds : 0;
    log::info("dump", summary.stopped ? "dataset stopped; run again to continue" : "dataset complete",
              {{"dataset", summary.dataset},
               {"end_block", summary.end ? fmt::format("{}", *summary.end) : std::string("none")},
               {"blocks", summary.blocks},
               {"rows", summary.rows},
               {"files", summary.files},
               {"bytes", summary.bytes},
               {"seconds", fmt::format("{:.2f}", summary.seconds)},
               {"blocks_per_s", fmt::format("{:.1f}", rate)}});
}

Result<> print_dry_run(const std::vector<Subject>& subjects, const jobs::DumpOptions& options,
                       std::stop_token stop) {
    for (const auto& subject : subjects) {
        TRY_ASSIGN(const auto head, subject.source->head(stop));
        const auto& manifest = subject.argument.manifest;
        std::string tables;
        for (const auto& table : manifest.tables) tables += (tables.empty() ? "" : ",") + table;
        fmt::print(
            "{} kind={} network={} tables={} start_block={} end_block={} head={} jobs={} provider={} "
            "manifest={}\n",
            subject.name, manifest.kind, manifest.network, tables, manifest.start_block,
            to_string(options.end), head ? fmt::format("{}", head->number) : std::string("none"),
            options.parallelism, subject.source->provider_name(), manifest.hash.substr(0, 7));
    }
    return {};
}

Result<int> dump(const CommandLine& line, runtime::SignalStop& signals) {
    TRY_ASSIGN(const auto loaded, load_configuration(line.common));
    TRY_ASSIGN(const auto options, make_options(line, loaded.config));
    const auto places = manifest_places(loaded);
    TRY_ASSIGN(const auto store, open_metadata(loaded));
    TRY_ASSIGN(auto subjects, resolve_subjects(line, *store, places));
    TRY_ASSIGN(const auto objects, open_data(loaded));
    TRY(attach_sources(subjects, loaded, line, signals.token()));
    if (line.dump.dry_run) {
        TRY(print_dry_run(subjects, options, signals.token()));
        return kExitOk;
    }
    TRY(objects->check_writable());

    std::stop_source run_stop;  // the user's stop, or the loss of the session
    const std::stop_callback forward(signals.token(), [&] { run_stop.request_stop(); });
    std::mutex lost_mutex;
    std::optional<Error> lost;
    std::mutex running_mutex;
    std::vector<jobs::Dump*> running;
    std::int64_t work_seq = 0;
    jobs::WorkerSession::Options session_options;
    session_options.on_answer = [&](const catalog::HeartbeatAnswer& answer) {
        if (answer.work_seq == work_seq) return;
        work_seq = answer.work_seq;
        const std::scoped_lock lock(running_mutex);
        for (auto* dump : running) dump->heed_stop_request();
    };
    session_options.node_id = node_id();
    session_options.heartbeat = to_ms(loaded.config.worker_heartbeat_interval_secs);
    session_options.lease = to_ms(loaded.config.worker_lease_ttl_secs);
    session_options.info = worker_info();
    session_options.labels = "{}";
    TRY_ASSIGN(const auto session,
               jobs::WorkerSession::start(*store, session_options, [&](const Error& error) {
                   const std::scoped_lock lock(lost_mutex);
                   lost = error;
                   run_stop.request_stop();
               }));

    runtime::ProgressReporter reporter(parse_progress(line.dump.progress));
    std::vector<std::unique_ptr<jobs::Dump>> dumps;
    std::vector<std::shared_ptr<runtime::ProgressCounters>> counters;
    for (auto& subject : subjects) {
        TRY_ASSIGN(auto dataset, jobs::register_argument(*store, places, subject.argument));
        auto dataset_options = options;
        dataset_options.finalized_only =
            line.dump.finalized_only || subject.argument.manifest.finalized_blocks_only;
        dumps.push_back(std::make_unique<jobs::Dump>(*store, *objects, *subject.source, *session,
                                                     std::move(dataset), subject.argument.manifest,
                                                     dataset_options));
        counters.push_back(reporter.add(subject.name));
    }
    std::vector<std::optional<Result<jobs::DumpSummary>>> outcomes(dumps.size());
    reporter.start();
    {
        const std::scoped_lock lock(running_mutex);
        for (const auto& dump : dumps) running.push_back(dump.get());
    }
    {
        std::vector<std::jthread> runs;
        for (std::size_t i = 0; i < dumps.size(); ++i)
            runs.emplace_back([&, i] { outcomes[i] = dumps[i]->run(counters[i], run_stop.get_token()); });
    }
    reporter.stop();
    {
        const std::scoped_lock lock(running_mutex);
        running.clear();
    }

    int exit_code = kExitOk;
    bool stopped = false;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (outcomes[i]->ok()) {
            print_summary(**outcomes[i]);
            stopped = stopped || (*outcomes[i])->stopped;
            continue;
        }
        const Error& error = outcomes[i]->error();
        if (error.code == Code::kCancelled && run_stop.stop_requested()) {
            stopped = true;
            continue;
        }
        exit_code = exit_with(
            {error.code, fmt::format("dataset {}: {}", subjects[i].name, error.message), error.reason});
    }
    if (lost) return exit_with(*lost);
    if (exit_code != kExitOk) return exit_code;
    return stopped && signals.signal() != 0 ? 128 + signals.signal() : kExitOk;
}

}  // namespace

int run_dump(const CommandLine& line, runtime::SignalStop& signals) {
    auto outcome = dump(line, signals);
    if (outcome.ok()) return *outcome;
    if (outcome.error().code == Code::kCancelled && signals.signal() != 0) return 128 + signals.signal();
    return exit_with(outcome.error());
}

}  // namespace amp::app
