// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catalog/meta_store.hpp"
#include "metadb/change_watcher.hpp"
#include "metadb/database.hpp"

namespace amp::metadb {

/// The MetaStore on SQLite and PostgreSQL: one SQL text per operation for both (docs/internals/metadata.md).
class SociStore final : public catalog::MetaStore {
  public:
    SociStore(const Target& target, const StoreOptions& options);

    Result<> ping() override;
    Result<std::int64_t> now_us() override;
    Result<std::string> cluster_id() override;

    Result<catalog::Dataset> register_manifest(const catalog::Registration& registration) override;
    Result<std::optional<catalog::Dataset>> find_dataset(const catalog::DatasetRef& ref) override;
    Result<std::vector<catalog::Dataset>> list_datasets() override;
    Result<std::optional<catalog::Dataset>> dataset(std::int64_t dataset_id,
                                                    const std::string& hash) override;
    Result<bool> delete_dataset(const std::string& ns, const std::string& name) override;
    Result<bool> delete_version(const std::string& ns, const std::string& name,
                                const std::string& version) override;
    Result<> put_manifest(const std::string& hash, const std::string& kind, const std::string& network,
                          const std::string& body) override;
    Result<std::vector<catalog::ManifestUse>> list_manifests() override;
    Result<std::optional<std::string>> manifest(const std::string& hash) override;
    Result<std::vector<catalog::Dataset>> manifest_datasets(const std::string& hash) override;
    Result<bool> delete_manifest(const std::string& hash) override;
    Result<std::int64_t> prune_manifests() override;
    Result<std::vector<catalog::StoredProvider>> list_providers() override;
    Result<> put_provider(const catalog::StoredProvider& provider, bool replace) override;
    Result<bool> delete_provider(const std::string& name) override;
    Result<std::vector<catalog::Revision>> ensure_revisions(
        std::int64_t dataset_id, const std::string& hash, const std::string& network,
        std::span<const catalog::WantedRevision> wanted) override;
    Result<std::vector<catalog::Revision>> active_revisions() override;
    Result<std::vector<catalog::RevisionInfo>> list_revisions(const catalog::RevisionQuery& query) override;
    Result<catalog::RevisionInfo> revision(std::int64_t revision_id) override;
    Result<catalog::RevisionInfo> add_revision(std::int64_t dataset_id, const std::string& hash,
                                               const std::string& network,
                                               const catalog::WantedRevision& wanted) override;
    Result<catalog::RevisionInfo> activate_revision(std::int64_t revision_id) override;
    Result<bool> deactivate_revision(std::int64_t dataset_id, const std::string& hash,
                                     const std::string& table) override;
    Result<> delete_revision(std::int64_t revision_id) override;
    Result<std::int64_t> retire_files(std::int64_t revision_id, std::optional<BlockNum> before,
                                      std::chrono::microseconds delay, std::string_view reason) override;
    Result<std::vector<catalog::DueFile>> due_files(std::optional<std::int64_t> revision_id,
                                                    std::int64_t after, int limit) override;
    Result<> forget_files(std::span<const std::int64_t> file_ids) override;
    Result<std::int64_t> register_files(std::int64_t revision_id,
                                        std::span<const catalog::NewFile> files) override;
    Result<std::optional<catalog::FileInfo>> file(std::int64_t file_id) override;
    Result<std::vector<catalog::File>> files(std::int64_t revision_id,
                                             std::int64_t after_commit_seq) override;
    Result<std::vector<catalog::TableStats>> table_stats(std::int64_t dataset_id, const std::string& hash,
                                                         BlockNum from,
                                                         std::chrono::microseconds window) override;
    Result<catalog::StateCounts> state_counts() override;
    Result<std::vector<catalog::File>> live_files(std::int64_t revision_id, BlockNum from) override;

    Result<std::int64_t> register_worker(const catalog::NewWorker& worker,
                                         std::chrono::milliseconds lease) override;
    Result<catalog::HeartbeatAnswer> heartbeat(const std::string& session_id, std::chrono::milliseconds lease,
                                               const std::string& stats) override;
    Result<> retire_worker(const std::string& session_id) override;
    Result<std::vector<catalog::Worker>> list_workers() override;
    Result<catalog::Worker> drain_worker(const std::string& node_id) override;
    Result<> delete_worker(const std::string& node_id) override;
    Result<std::unique_ptr<catalog::SessionLock>> lock_session(const std::string& session_id) override;
    Result<std::vector<std::string>> unlocked_sessions() override;
    Result<catalog::SessionWork> session_work(const std::string& session_id) override;
    Result<> expire_workers(std::span<const std::string> dead_sessions) override;

    Result<std::optional<std::int64_t>> hold_lease(const std::string& name, const std::string& owner,
                                                   std::chrono::milliseconds ttl) override;
    Result<std::optional<std::int64_t>> lease_free_for(const std::string& name) override;
    Result<> release_lease(const std::string& name, const std::string& owner) override;

    Result<catalog::Job> create_job(const catalog::NewJob& job) override;
    Result<std::optional<catalog::Job>> active_job(std::int64_t dataset_id, const std::string& hash) override;
    Result<catalog::Job> job(std::int64_t job_id) override;
    Result<std::vector<catalog::Job>> list_jobs(const catalog::JobQuery& query) override;
    Result<catalog::ScheduleView> schedule_view() override;
    Result<catalog::Job> transition_job(std::int64_t job_id, std::span<const catalog::JobStatus> expected,
                                        const catalog::JobChange& change) override;
    Result<catalog::Job> request_stop(std::int64_t job_id) override;
    Result<catalog::Job> resume_job(std::int64_t job_id, const catalog::JobResume& resume) override;
    Result<bool> delete_job(std::int64_t job_id) override;
    Result<std::vector<catalog::JobEvent>> job_events(std::int64_t job_id, std::optional<std::int64_t> before,
                                                      int limit) override;

    Result<std::vector<catalog::Shard>> create_shards(std::int64_t job_id,
                                                      std::span<const catalog::NewShard> shards,
                                                      std::optional<std::int64_t> change_seq) override;
    Result<> fail_pending_shard(std::int64_t shard_id, std::int64_t epoch,
                                const std::string& error_json) override;
    Result<std::vector<catalog::Shard>> shards(std::int64_t job_id) override;
    Result<std::optional<catalog::Fence>> assign_shard(std::int64_t shard_id,
                                                       const std::string& session_id) override;
    Result<> release_shard(const catalog::Fence& fence, std::chrono::milliseconds delay,
                           const std::string& error_json) override;
    Result<> end_shard(const catalog::Fence& fence, catalog::ShardStatus status,
                       const std::string& error_json) override;
    Result<> cancel_pending_shards(std::int64_t job_id) override;

    Result<catalog::ShardStatus> commit_group(const catalog::GroupCommit& commit) override;

    Result<bool> wait_for_change(std::chrono::milliseconds timeout, std::stop_token stop) override;
    Result<bool> wait_for_work(std::chrono::milliseconds timeout, std::stop_token stop) override;

  private:
    const Target target_;
    std::unique_ptr<ChangeWatcher> watcher_;  // before the database, which wakes it
    Database database_;
    std::int64_t deletion_lock_us_;
};

/// Rows of `workers` that hold `condition`, by node id.
std::vector<catalog::Worker> find_workers(Transaction& tx, std::string_view condition);

/// Rows of `jobs` and `shards` that hold a condition.
std::vector<catalog::Job> find_jobs(Transaction& tx, const std::string& condition_and_order,
                                    const std::vector<Param>& params);
std::vector<catalog::Shard> find_shards(Transaction& tx, const std::string& condition_and_order,
                                        const std::vector<Param>& params);
/// Wakes who waits for changes of jobs.
void notify_job(Transaction& tx, std::int64_t job_id);

/// One row of `job_events`, in the transaction of what it tells. `detail`: JSON object or empty.
void add_event(Transaction& tx, std::int64_t job_id, std::optional<std::int64_t> shard_id,
               const std::string& node_id, std::string_view type, const std::string& detail);

/// The predicate of the unique index jobs_active; SQLite wants it word for word.
inline constexpr const char* kActiveStates =
    "status IN ('SCHEDULED', 'RUNNING', 'STOP_REQUESTED', 'STOPPING')";

/// What a stale owner is told.
Error fenced_error(const catalog::Fence& fence);

/// The shard states as stored; kFailed for an unknown word cannot happen (the schema checks it).
catalog::ShardStatus shard_status_of(std::string_view text);

/// A number that fits the store's 64-bit signed columns. kInvalidArgument beyond 2^63 - 1, naming the thing.
Result<std::int64_t> to_stored(std::uint64_t value, std::string_view what);

}  // namespace amp::metadb
