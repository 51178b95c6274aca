// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "metadb/migrations.hpp"

#include "base/bytes.hpp"
#include "base/sha256.hpp"

#include <array>

namespace amp::metadb {
namespace {

/// Types: identifiers, numbers, times (microseconds since 1970, UTC) and flags (0, 1) are BIGINT; text, JSON
/// and binary data (lower-case hex) are TEXT.
constexpr std::string_view kBase = R"sql(
-- postgresql only
CREATE FUNCTION now_us() RETURNS BIGINT LANGUAGE sql VOLATILE
    AS 'SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)';

CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE datasets (
    id {id},
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (namespace, name)
);

CREATE TABLE manifests (
    hash TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    network TEXT,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE dataset_manifests (
    dataset_id BIGINT NOT NULL REFERENCES datasets ON DELETE CASCADE,
    hash TEXT NOT NULL REFERENCES manifests,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (dataset_id, hash)
);

CREATE TABLE tags (
    dataset_id BIGINT NOT NULL,
    tag TEXT NOT NULL,
    hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (dataset_id, tag),
    FOREIGN KEY (dataset_id, hash) REFERENCES dataset_manifests (dataset_id, hash) ON DELETE CASCADE
);

CREATE TABLE manifest_deps (
    hash TEXT NOT NULL REFERENCES manifests ON DELETE CASCADE,
    alias TEXT NOT NULL,
    dep_hash TEXT NOT NULL REFERENCES manifests,
    ref TEXT NOT NULL,
    PRIMARY KEY (hash, alias)
);

CREATE TABLE providers (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    network TEXT,
    config TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    updated_at BIGINT NOT NULL
);

CREATE TABLE workers (
    node_id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL UNIQUE,
    session_epoch BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('worker', 'dump', 'dev')),
    state TEXT NOT NULL CHECK (state IN ('ACTIVE', 'DRAINING', 'GONE')),
    slots BIGINT NOT NULL,
    work_seq BIGINT NOT NULL DEFAULT 0,
    labels TEXT NOT NULL,
    host TEXT NOT NULL,
    info TEXT NOT NULL,
    stats TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    registered_at BIGINT NOT NULL,
    heartbeat_at BIGINT NOT NULL,
    lease_expires_at BIGINT NOT NULL
);

CREATE INDEX workers_state ON workers (state, lease_expires_at);

CREATE TABLE jobs (
    id {id},
    dataset_id BIGINT NOT NULL REFERENCES datasets,
    hash TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('raw', 'derived', 'repair', 'verify')),
    origin TEXT NOT NULL CHECK (origin IN ('api', 'dump', 'dev')),
    status TEXT NOT NULL CHECK (status IN ('SCHEDULED', 'RUNNING', 'STOP_REQUESTED', 'STOPPING', 'STOPPED',
                                           'COMPLETED', 'FAILED')),
    reason TEXT,
    descriptor TEXT NOT NULL,
    descriptor_hash TEXT NOT NULL,
    idempotency_key TEXT UNIQUE,
    start_block BIGINT NOT NULL,
    end_block BIGINT,
    parallelism BIGINT,
    priority BIGINT NOT NULL DEFAULT 0,
    selector TEXT,
    prefer TEXT,
    worker_glob TEXT,
    node_id TEXT,
    max_attempts BIGINT NOT NULL DEFAULT 0,
    last_error TEXT,
    retry_at BIGINT,
    change_seq BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT
);

CREATE INDEX jobs_status ON jobs (status, priority, id);

CREATE UNIQUE INDEX jobs_active ON jobs (dataset_id, hash)
    WHERE status IN ('SCHEDULED', 'RUNNING', 'STOP_REQUESTED', 'STOPPING');

CREATE TABLE shards (
    id {id},
    job_id BIGINT NOT NULL REFERENCES jobs ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('range', 'tip', 'derived', 'derived_tip')),
    table_name TEXT,
    start_block BIGINT NOT NULL,
    end_block BIGINT,
    next_block BIGINT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('PENDING', 'RUNNING', 'DONE', 'FAILED', 'CANCELLED')),
    epoch BIGINT NOT NULL DEFAULT 0,
    node_id TEXT,
    session_id TEXT,
    last_node TEXT,
    attempts BIGINT NOT NULL DEFAULT 0,
    crashes BIGINT NOT NULL DEFAULT 0,
    not_before BIGINT,
    last_error TEXT,
    rows BIGINT NOT NULL DEFAULT 0,
    bytes BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX shards_job ON shards (job_id, status);

CREATE INDEX shards_due ON shards (status, not_before);

CREATE INDEX shards_session ON shards (session_id, status);

CREATE TABLE physical_tables (
    id {id},
    dataset_id BIGINT NOT NULL REFERENCES datasets,
    hash TEXT NOT NULL,
    name TEXT NOT NULL,
    network TEXT NOT NULL,
    UNIQUE (dataset_id, hash, name)
);

CREATE TABLE revisions (
    id {id},
    table_id BIGINT NOT NULL REFERENCES physical_tables ON DELETE CASCADE,
    path TEXT NOT NULL UNIQUE,
    active BIGINT NOT NULL CHECK (active IN (0, 1)),
    writer_job_id BIGINT REFERENCES jobs,
    change_seq BIGINT NOT NULL DEFAULT 0,
    min_block BIGINT,
    max_block BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE UNIQUE INDEX revisions_active ON revisions (table_id) WHERE active = 1;

CREATE TABLE files (
    id {id},
    revision_id BIGINT NOT NULL REFERENCES revisions ON DELETE CASCADE,
    name TEXT NOT NULL,
    network TEXT NOT NULL,
    start_block BIGINT NOT NULL,
    end_block BIGINT NOT NULL,
    prev_hash TEXT,
    hash TEXT,
    end_timestamp BIGINT,
    row_count BIGINT NOT NULL,
    byte_size BIGINT NOT NULL,
    etag TEXT,
    object_version TEXT,
    generation BIGINT NOT NULL DEFAULT 0,
    state TEXT NOT NULL CHECK (state IN ('LIVE', 'SUPERSEDED')),
    commit_seq BIGINT NOT NULL,
    shard_id BIGINT,
    epoch BIGINT,
    metadata TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    superseded_at BIGINT,
    UNIQUE (revision_id, name)
);

CREATE INDEX files_live ON files (revision_id, state, start_block);

CREATE INDEX files_changes ON files (revision_id, commit_seq);

CREATE TABLE file_footers (
    file_id BIGINT PRIMARY KEY REFERENCES files ON DELETE CASCADE,
    footer TEXT NOT NULL
);

CREATE TABLE gc_queue (
    file_id BIGINT PRIMARY KEY REFERENCES files ON DELETE CASCADE,
    path TEXT NOT NULL,
    not_before BIGINT NOT NULL,
    reason TEXT NOT NULL CHECK (reason IN ('superseded', 'pruned', 'truncated'))
);

CREATE INDEX gc_queue_due ON gc_queue (not_before);

CREATE TABLE readers (
    reader_id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('server', 'job')),
    oldest_ts BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE job_events (
    id {id},
    job_id BIGINT NOT NULL REFERENCES jobs ON DELETE CASCADE,
    shard_id BIGINT,
    at BIGINT NOT NULL,
    node_id TEXT,
    type TEXT NOT NULL,
    detail TEXT
);

CREATE INDEX job_events_job ON job_events (job_id, id);

CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    acquired_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
)sql";

constexpr std::array kMigrations{Migration{1, "base", kBase}};

constexpr std::string_view kPostgresOnly = "-- postgresql only\n";
constexpr std::string_view kId = "{id}";

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

std::string checksum_of(const Migration& migration) {
    return to_hex(sha256(as_bytes(migration.script)).view());
}

std::vector<std::string> statements_of(const Migration& migration, bool postgres) {
    std::vector<std::string> statements;
    auto rest = migration.script;
    for (;;) {
        const auto end = rest.find(";\n");
        if (end == std::string_view::npos) return statements;
        auto text = rest.substr(0, end);
        rest.remove_prefix(end + 2);
        text.remove_prefix(std::min(text.find_first_not_of('\n'), text.size()));
        if (text.starts_with(kPostgresOnly)) {
            if (!postgres) continue;
            text.remove_prefix(kPostgresOnly.size());
        }
        std::string statement(text);
        for (auto at = statement.find(kId); at != std::string::npos; at = statement.find(kId, at)) {
            statement.replace(at, kId.size(),
                              postgres ? "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"
                                       : "INTEGER PRIMARY KEY AUTOINCREMENT");
        }
        statements.push_back(std::move(statement));
    }
}

}  // namespace amp::metadb
