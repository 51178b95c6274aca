// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "catalog/types.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace amp::catalog {

// ---- datasets and revisions ----

struct Registration {
    std::string ns = "_";
    std::string name;
    std::string hash;
    std::string kind;
    std::string network;
    std::string manifest;                // canonical JSON
    std::optional<std::string> version;  // semver; also moves `latest` if it is now the greatest
    bool force_version = false;          // the version may have had another hash
};

/// The active revision a table needs; `path` is used only if a new one has to be made.
struct WantedRevision {
    std::string table;
    std::string path;
};

// ---- workers ----

enum class WorkerState : std::uint8_t { kActive, kDraining, kGone };

struct NewWorker {
    std::string node_id;
    std::string session_id;
    std::string kind;  // worker, dump, dev
    int slots = 1;
    std::string labels = "{}";
    std::string host = "{}";  // {hostname, boot_id, pid_ns, pid, start_ticks}
    std::string info = "{}";  // {version, ..}
};

struct Worker {
    std::string node_id;
    std::string session_id;
    std::int64_t session_epoch = 0;
    std::string kind;
    WorkerState state = WorkerState::kActive;
    int slots = 1;
    std::int64_t work_seq = 0;
    std::string labels = "{}";
    std::string host;
    std::string info = "{}";
    std::string stats = "{}";
    std::int64_t created_at = 0;
    std::int64_t registered_at = 0;
    std::int64_t heartbeat_at = 0;
    std::int64_t lease_expires_at = 0;
};

struct HeartbeatAnswer {
    std::int64_t work_seq = 0;
    WorkerState state = WorkerState::kActive;
};

// ---- jobs and shards ----

enum class JobStatus : std::uint8_t {
    kScheduled,
    kRunning,
    kStopRequested,
    kStopping,
    kStopped,
    kCompleted,
    kFailed
};
/// SCHEDULED, RUNNING, .. as stored and sent.
std::string_view to_string(JobStatus status);
bool is_terminal(JobStatus status);

struct NewJob {
    std::int64_t dataset_id = 0;
    std::string hash;
    std::string kind = "raw";
    std::string origin = "dump";
    std::string descriptor;  // JSON
    BlockNum start_block = 0;
    std::optional<BlockNum> end_block;
    int parallelism = 0;  // shards at once; 0 = automatic
    int priority = 0;
    std::string selector = "{}";  // labels that a worker must have
    std::string prefer = "{}";    // labels that a worker should have
    std::string worker_glob;      // node ids that may run it; empty = all
    int max_attempts = 0;
    std::string node_id;          // the session's node that owns a dump job
    std::string idempotency_key;  // empty = none
};

struct Job {
    std::int64_t id = 0;
    std::int64_t dataset_id = 0;
    std::string hash;
    std::string kind;
    std::string origin;
    JobStatus status = JobStatus::kScheduled;
    std::string reason;
    std::string descriptor;
    BlockNum start_block = 0;
    std::optional<BlockNum> end_block;
    int parallelism = 0;
    int priority = 0;
    std::string selector = "{}";
    std::string prefer = "{}";
    std::string worker_glob;
    int max_attempts = 0;
    std::string node_id;     // of the newest placement
    std::string last_error;  // JSON, empty = none
    std::optional<std::int64_t> retry_at;
    std::int64_t change_seq = 0;
    std::int64_t created_at = 0;
    std::int64_t updated_at = 0;
    std::optional<std::int64_t> started_at;
    std::optional<std::int64_t> finished_at;
};

/// One conditional change of a job row.
struct JobChange {
    JobStatus to = JobStatus::kScheduled;  // may be the state it has: then only the rest changes
    std::string reason = {};
    std::string error_json = {};                            // empty = as before
    std::optional<std::int64_t> retry_at = std::nullopt;    // absent clears it
    std::optional<BlockNum> end_block = std::nullopt;       // absent = as before
    std::optional<std::int64_t> change_seq = std::nullopt;  // the row must still have this one
};

/// What a job that ended starts again with.
struct JobResume {
    std::string descriptor;             // empty = as before
    std::optional<BlockNum> end_block;  // absent = without an end
    int parallelism = 0;
};

struct JobEvent {
    std::int64_t id = 0;
    std::int64_t job_id = 0;
    std::optional<std::int64_t> shard_id;
    std::int64_t at = 0;
    std::string node_id;
    std::string type;    // SCHEDULED, SHARD_ASSIGNED, .. (docs/internals/metadata.md)
    std::string detail;  // JSON object, empty = none
};

struct JobQuery {
    std::vector<JobStatus> statuses;  // empty = all
    std::optional<std::int64_t> dataset_id;
    std::optional<std::int64_t> before_id;  // ids below this one
    int limit = 50;
};

enum class ShardStatus : std::uint8_t { kPending, kRunning, kDone, kFailed, kCancelled };
std::string_view to_string(ShardStatus status);

struct NewShard {
    BlockNum start_block = 0;
    std::optional<BlockNum> end_block;  // absent: a tip shard
};

struct Shard {
    std::int64_t id = 0;
    std::int64_t job_id = 0;
    std::string kind = "range";  // range, tip
    BlockNum start_block = 0;
    std::optional<BlockNum> end_block;  // absent: a tip shard
    BlockNum next_block = 0;
    ShardStatus status = ShardStatus::kPending;
    std::int64_t epoch = 0;
    std::string node_id;
    std::string session_id;
    std::string last_node;
    int attempts = 0;
    int crashes = 0;
    std::optional<std::int64_t> not_before;
    std::string last_error;  // JSON, empty = none
    std::int64_t rows = 0;
    std::int64_t bytes = 0;
    std::int64_t created_at = 0;
    std::int64_t updated_at = 0;
};

/// Everything that one scheduler step decides on, read in one transaction.
struct ScheduleView {
    std::int64_t now = 0;         // database time, us
    std::vector<Worker> workers;  // not GONE
    std::vector<Job> jobs;        // not terminal
    std::vector<Shard> shards;    // PENDING and FAILED of those jobs, RUNNING of any (a slot is taken)
};

/// What one session is to do.
struct SessionWork {
    std::vector<Shard> shards;  // RUNNING on it
    std::vector<Job> jobs;      // of those shards
};

/// Proof of ownership that every write of a shard's owner carries. The store refuses an older one.
struct Fence {
    std::int64_t shard_id = 0;
    std::int64_t epoch = 0;
    std::string session_id;
};

// ---- commits ----

struct NewFile {
    std::int64_t revision_id = 0;
    std::string name;
    std::string network;
    BlockRange range;
    Hash32 prev_hash;
    Hash32 hash;
    std::uint64_t end_timestamp = 0;
    std::int64_t rows = 0;
    std::int64_t bytes = 0;
    std::string etag;
    std::int64_t generation = 0;
    std::string metadata = "{}";  // JSON
    std::string footer;           // raw Parquet footer
};

/// One group: the files of all tables over one range, published before, visible after.
struct GroupCommit {
    Fence fence;
    BlockNum next_block = 0;  // first block that the shard has not committed
    std::int64_t rows = 0;
    std::int64_t bytes = 0;
    std::vector<NewFile> files;
    std::vector<std::int64_t> superseded;  // file ids that stop being LIVE in the same transaction
    bool in_doubt = false;                 // tried before with an outcome that is not known
};

// ---- what the Admin API shows and changes ----

/// What is stored of one table of a dataset at a manifest, in its active revision. All figures are of LIVE
/// files.
struct TableStats {
    std::string table;
    std::int64_t revision_id = 0;
    std::int64_t change_seq = 0;
    std::int64_t files = 0;
    std::int64_t bytes = 0;
    std::int64_t rows = 0;
    std::optional<BlockNum> first_block;
    std::optional<BlockNum> last_block;
    std::uint64_t blocks = 0;         // at or above the block asked for
    std::uint64_t recent_blocks = 0;  // committed within the window asked for
    std::uint64_t recent_bytes = 0;
};

/// How many rows are in which state.
struct StateCounts {
    std::map<std::string, std::int64_t> jobs;
    std::map<std::string, std::int64_t> shards;
    std::map<std::string, std::int64_t> workers;
};

/// A revision, active or not, with the dataset that it belongs to.
struct RevisionInfo {
    Revision revision;
    std::string ns;
    std::string name;
    std::optional<std::int64_t> writer;  // the active job of its dataset and manifest, if it is active itself
};

struct RevisionQuery {
    std::optional<bool> active;
    std::optional<std::int64_t> before_id;  // ids below this one
    int limit = 50;
};

/// A file with the directory it lies in.
struct FileInfo {
    File file;
    std::string path;      // of its revision
    std::string metadata;  // JSON, as in its footer
};

/// A file that is no longer part of any table and may be deleted.
struct DueFile {
    std::int64_t id = 0;
    std::string path;  // relative to the data directory
    std::int64_t bytes = 0;
};

struct ManifestUse {
    std::string hash;
    std::string kind;
    std::int64_t datasets = 0;  // that link it
};

/// A provider that was registered through the Admin API.
struct StoredProvider {
    std::string name;
    std::string kind;
    std::string network;
    std::string config;  // JSON object with every key but name, secrets included
    std::int64_t version = 1;
    std::int64_t updated_at = 0;
};

/// Held while a session's process lives: the server drops it with the connection.
class SessionLock {
  public:
    virtual ~SessionLock() = default;
};

/// The part of the store that query servers follow. Threads and failures: as MetaStore.
class CatalogReader {
  public:
    virtual ~CatalogReader() = default;

    /// Every (dataset, tag) pair, tags `latest` and `dev` included, ordered by namespace, name, tag.
    virtual Result<std::vector<Dataset>> list_datasets() = 0;
    /// All active revisions of the store.
    virtual Result<std::vector<Revision>> active_revisions() = 0;
    /// Files with commit_seq > after, LIVE and SUPERSEDED, by (commit_seq, id). A file that became SUPERSEDED
    /// carries the commit_seq of that change, so reading from the last seen number on gives every change.
    virtual Result<std::vector<File>> files(std::int64_t revision_id, std::int64_t after_commit_seq) = 0;
    /// Waits until something in the store may have changed (commit of any process), the timeout passes or the
    /// stop is requested. True = something may have changed. PostgreSQL: LISTEN; SQLite: PRAGMA data_version,
    /// within 50 ms.
    virtual Result<bool> wait_for_change(std::chrono::milliseconds timeout, std::stop_token stop) = 0;
};

/// Everything that processes share: datasets, revisions, files, workers, jobs, shards
/// (docs/internals/metadata.md).
///
/// Every method is one transaction. The store's clock (now_us) is the only one compared.
/// Threads: any; an implementation serialises or pools connections itself.
/// Failure: kUnavailable (retried inside for lock, deadlock and connection errors, within the configured
/// bounds), kConflict (fenced, or a state that another process changed), kAlreadyExists, kNotFound,
/// kCorruption.
class MetaStore : public CatalogReader {
  public:
    virtual Result<> ping() = 0;
    virtual Result<std::int64_t> now_us() = 0;
    /// The id that file footers carry; made with the schema.
    virtual Result<std::string> cluster_id() = 0;

    // Datasets. A registration is idempotent: manifest, dataset, link, tag `dev`, and the version tag if
    // given (kAlreadyExists, reason VERSION_CONFLICT, if that version has another hash).
    virtual Result<Dataset> register_manifest(const Registration& registration) = 0;
    /// Finds by tag: latest, dev, 64 hex digits (linked hash) or a version; without a tag latest, else dev.
    virtual Result<std::optional<Dataset>> find_dataset(const DatasetRef& ref) = 0;

    /// The dataset at a manifest that is linked to it.
    virtual Result<std::optional<Dataset>> dataset(std::int64_t dataset_id, const std::string& hash) = 0;
    /// Removes tags and links, and manifests that nothing uses any more; files and jobs stay. False if it was
    /// not there. kConflict, reason DATASET_IN_USE, while a job is active or another manifest depends on it.
    virtual Result<bool> delete_dataset(const std::string& ns, const std::string& name) = 0;
    /// Removes a version tag. False if it was not there. kConflict, reason CANNOT_DELETE_LATEST_VERSION, if
    /// `latest` is that version.
    virtual Result<bool> delete_version(const std::string& ns, const std::string& name,
                                        const std::string& version) = 0;
    /// Stores a manifest without linking it. Idempotent.
    virtual Result<> put_manifest(const std::string& hash, const std::string& kind,
                                  const std::string& network, const std::string& body) = 0;
    /// By hash.
    virtual Result<std::vector<ManifestUse>> list_manifests() = 0;
    virtual Result<std::optional<std::string>> manifest(const std::string& hash) = 0;
    /// Every (dataset, version or dev) that has the manifest; tag empty where it is only linked.
    virtual Result<std::vector<Dataset>> manifest_datasets(const std::string& hash) = 0;
    /// False if it was not there. kConflict, reason MANIFEST_LINKED, if a dataset or a manifest uses it.
    virtual Result<bool> delete_manifest(const std::string& hash) = 0;
    /// Removes all manifests that nothing uses; how many.
    virtual Result<std::int64_t> prune_manifests() = 0;

    // Providers of the Admin API.
    virtual Result<std::vector<StoredProvider>> list_providers() = 0;
    /// With `replace` the row is made or changed; without it kAlreadyExists, reason PROVIDER_CONFLICT, if
    /// there is one of another content.
    virtual Result<> put_provider(const StoredProvider& provider, bool replace) = 0;
    virtual Result<bool> delete_provider(const std::string& name) = 0;

    /// The active revision of each wanted table, in that order; makes table, revision and activation where
    /// missing.
    virtual Result<std::vector<Revision>> ensure_revisions(std::int64_t dataset_id, const std::string& hash,
                                                           const std::string& network,
                                                           std::span<const WantedRevision> wanted) = 0;
    /// LIVE files that end at or above a block, by start block.
    virtual Result<std::vector<File>> live_files(std::int64_t revision_id, BlockNum from = 0) = 0;

    // Revisions as an operator handles them. kNotFound, reason REVISION_NOT_FOUND. Those that change what is
    // active or delete: kConflict, reason WRITER_JOB_NOT_TERMINAL while a job writes the table.
    /// Newest first.
    virtual Result<std::vector<RevisionInfo>> list_revisions(const RevisionQuery& query) = 0;
    virtual Result<RevisionInfo> revision(std::int64_t revision_id) = 0;
    /// Makes an inactive revision for files that are there already; the same path again gives the same
    /// revision. kAlreadyExists, reason REVISION_CONFLICT, if another table has that path.
    virtual Result<RevisionInfo> add_revision(std::int64_t dataset_id, const std::string& hash,
                                              const std::string& network, const WantedRevision& wanted) = 0;
    /// Makes it the active one of its table; idempotent.
    virtual Result<RevisionInfo> activate_revision(std::int64_t revision_id) = 0;
    /// The table has no active revision then. False if it had none.
    virtual Result<bool> deactivate_revision(std::int64_t dataset_id, const std::string& hash,
                                             const std::string& table) = 0;
    /// kConflict, reason REVISION_IS_ACTIVE, or FILE_METADATA_REMAINING if it still has files.
    virtual Result<> delete_revision(std::int64_t revision_id) = 0;
    /// Marks the LIVE files that end below a block (all without one) SUPERSEDED and due after `delay`; how
    /// many. `reason`: pruned or truncated; with `truncated` what was queued before is due now as well.
    /// kConflict, reason REVISION_IS_ACTIVE.
    virtual Result<std::int64_t> retire_files(std::int64_t revision_id, std::optional<BlockNum> before,
                                              std::chrono::microseconds delay, std::string_view reason) = 0;
    /// Files that may be deleted now: their time has come and no reader began before they were superseded;
    /// of one revision if given, by id, above `after`.
    virtual Result<std::vector<DueFile>> due_files(std::optional<std::int64_t> revision_id,
                                                   std::int64_t after, int limit) = 0;
    /// Removes the rows of files that were deleted; LIVE ones stay.
    virtual Result<> forget_files(std::span<const std::int64_t> file_ids) = 0;
    /// Registers files that nothing wrote just now, LIVE; names that are known are left as they are. How
    /// many were new.
    virtual Result<std::int64_t> register_files(std::int64_t revision_id, std::span<const NewFile> files) = 0;
    virtual Result<std::optional<FileInfo>> file(std::int64_t file_id) = 0;

    /// By table name; tables without an active revision are left out.
    virtual Result<std::vector<TableStats>> table_stats(std::int64_t dataset_id, const std::string& hash,
                                                        BlockNum from, std::chrono::microseconds window) = 0;
    virtual Result<StateCounts> state_counts() = 0;

    // Workers.
    /// kConflict if a live session holds the node id. Returns the session epoch.
    virtual Result<std::int64_t> register_worker(const NewWorker& worker,
                                                 std::chrono::milliseconds lease) = 0;
    /// kConflict, reason FENCED: the session is gone; drop everything and register anew.
    virtual Result<HeartbeatAnswer> heartbeat(const std::string& session_id, std::chrono::milliseconds lease,
                                              const std::string& stats) = 0;
    virtual Result<> retire_worker(const std::string& session_id) = 0;
    virtual Result<std::vector<Worker>> list_workers() = 0;
    /// ACTIVE -> DRAINING, and wakes it; another state stays. kNotFound, reason WORKER_NOT_FOUND.
    virtual Result<Worker> drain_worker(const std::string& node_id) = 0;
    /// kNotFound, reason WORKER_NOT_FOUND; kConflict, reason WORKER_ACTIVE, unless it is GONE.
    virtual Result<> delete_worker(const std::string& node_id) = 0;
    /// Shows others that this session's process lives, until destroyed. PostgreSQL: an advisory lock on a
    /// connection of its own, taken again after a broken connection. SQLite: nothing; processes are on one
    /// host.
    virtual Result<std::unique_ptr<SessionLock>> lock_session(const std::string& session_id) = 0;
    /// Sessions that are not GONE and whose lock nobody holds at this moment. SQLite: none.
    virtual Result<std::vector<std::string>> unlocked_sessions() = 0;
    /// As wait_for_change(), but PostgreSQL wakes for what workers act on only: placements, stops, drains. A
    /// hundred workers would otherwise read their work at each commit of any of them.
    virtual Result<bool> wait_for_work(std::chrono::milliseconds timeout, std::stop_token stop) = 0;
    /// The RUNNING shards of a session with their jobs.
    virtual Result<SessionWork> session_work(const std::string& session_id) = 0;
    /// Marks sessions GONE whose lease ran out, and those named (known to be dead), and frees their shards:
    /// dump jobs of a lost session become STOPPED (OWNER_LOST) with their shards CANCELLED, other shards
    /// PENDING with epoch + 1.
    virtual Result<> expire_workers(std::span<const std::string> dead_sessions) = 0;

    // Leases by name: "scheduler", "collector", ..
    /// Takes or renews for `ttl`; the epoch grows with each new owner. Absent while another owner holds it.
    virtual Result<std::optional<std::int64_t>> hold_lease(const std::string& name, const std::string& owner,
                                                           std::chrono::milliseconds ttl) = 0;
    /// Microseconds since the lease ran out or was given up; 0 while it is held, absent if nobody ever had
    /// it.
    virtual Result<std::optional<std::int64_t>> lease_free_for(const std::string& name) = 0;
    /// Gives it up; nothing happens if another owner has it.
    virtual Result<> release_lease(const std::string& name, const std::string& owner) = 0;

    // Jobs.
    /// kConflict, reason ACTIVE_JOB, if (dataset, hash) has a job that is not terminal; the text has its id
    /// and node. A key that made a job within 24 hours gives that job; kConflict, reason ACTIVE_JOB_CONFLICT,
    /// if it was asked for something else.
    virtual Result<Job> create_job(const NewJob& job) = 0;
    virtual Result<std::optional<Job>> active_job(std::int64_t dataset_id, const std::string& hash) = 0;
    virtual Result<Job> job(std::int64_t job_id) = 0;
    /// Newest first.
    virtual Result<std::vector<Job>> list_jobs(const JobQuery& query) = 0;
    virtual Result<ScheduleView> schedule_view() = 0;
    /// One conditional transition. Returns the row. kConflict, reason JOB_STATE, if the job is in none of the
    /// expected states (unless it has the wanted one already), reason JOB_CHANGED if `change.change_seq` is
    /// old.
    virtual Result<Job> transition_job(std::int64_t job_id, std::span<const JobStatus> expected,
                                       const JobChange& change) = 0;
    /// Cancels PENDING shards; STOPPED if none runs and no `dump` owns the job, else STOP_REQUESTED. A job
    /// that is stopping or has ended stays as it is. Returns the row. kNotFound, reason JOB_NOT_FOUND.
    virtual Result<Job> request_stop(std::int64_t job_id) = 0;
    /// An ended job becomes SCHEDULED with nothing planned and no error. kConflict: reason JOB_CONFLICT if it
    /// has not ended, ACTIVE_JOB if the dataset has another active job. kNotFound, reason JOB_NOT_FOUND.
    virtual Result<Job> resume_job(std::int64_t job_id, const JobResume& resume) = 0;
    /// Removes an ended job with its shards and events. False if it is not there. kConflict, reason
    /// JOB_CONFLICT, if it has not ended or a shard of it runs still.
    virtual Result<bool> delete_job(std::int64_t job_id) = 0;
    /// Newest first, ids below `before` if given.
    virtual Result<std::vector<JobEvent>> job_events(std::int64_t job_id, std::optional<std::int64_t> before,
                                                     int limit) = 0;

    /// Adds PENDING shards in the order given. Returns them with ids. kConflict, reason JOB_CHANGED, if the
    /// job row has another `change_seq` than the one given.
    virtual Result<std::vector<Shard>> create_shards(std::int64_t job_id, std::span<const NewShard> shards,
                                                     std::optional<std::int64_t> change_seq) = 0;
    /// PENDING -> FAILED if it still has that epoch; else nothing happens.
    virtual Result<> fail_pending_shard(std::int64_t shard_id, std::int64_t epoch,
                                        const std::string& error_json) = 0;
    virtual Result<std::vector<Shard>> shards(std::int64_t job_id) = 0;
    /// PENDING -> RUNNING for this session; epoch + 1. Absent if the shard is not PENDING, not due, or the
    /// session not ACTIVE.
    virtual Result<std::optional<Fence>> assign_shard(std::int64_t shard_id,
                                                      const std::string& session_id) = 0;
    /// Gives a shard back: PENDING, epoch + 1, due after `delay`; with an error one more attempt is counted.
    virtual Result<> release_shard(const Fence& fence, std::chrono::milliseconds delay,
                                   const std::string& error_json) = 0;
    /// Ends a shard for good: DONE, FAILED or CANCELLED.
    virtual Result<> end_shard(const Fence& fence, ShardStatus status, const std::string& error_json) = 0;
    /// Cancels PENDING shards of the job.
    virtual Result<> cancel_pending_shards(std::int64_t job_id) = 0;

    /// Registers a group in one transaction: fence, revisions' change_seq, file rows and footers, superseded
    /// rows, shard progress, notification. kConflict, reason FENCED: nothing was written and nothing of this
    /// owner may be. An unknown outcome (connection lost during commit) is resolved inside by reading the
    /// rows back. Returns the shard's status: kDone when next_block passed its end.
    virtual Result<ShardStatus> commit_group(const GroupCommit& commit) = 0;
};

}  // namespace amp::catalog
