// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "jobs/group_writer.hpp"

#include "base/log.hpp"
#include "base/time.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace amp::jobs {

GroupWriter::GroupWriter(storage::ObjectStore& objects, const GroupTarget& target,
                         std::vector<std::size_t> tables, BlockNum start)
    : objects_(objects), target_(target), group_(make_uuid_v7()) {
    for (const std::size_t table : tables) {
        Part part;
        part.table = table;
        part.name = fmt::format("{:09}-{}.parquet", start, random_hex(8));
        part.path = target.tables[table].revision.path + "/" + part.name;
        parts_.push_back(std::move(part));
    }
}

GroupWriter::~GroupWriter() = default;

Result<> GroupWriter::open(Part& part) {
    if (part.writer) return {};
    TRY_ASSIGN(part.object, objects_.create(part.path));
    TRY_ASSIGN(part.writer, columnar::SegmentWriter::open(*target_.tables[part.table].spec,
                                                          part.object->stream(), target_.options));
    return {};
}

Result<> GroupWriter::write(std::size_t table, const std::shared_ptr<arrow::RecordBatch>& batch) {
    const auto part =
        std::find_if(parts_.begin(), parts_.end(), [&](const Part& p) { return p.table == table; });
    if (part == parts_.end()) return {};  // the table has these blocks already
    TRY(open(*part));
    return part->writer->write(batch);
}

std::int64_t GroupWriter::bytes_max() const {
    std::int64_t most = 0;
    for (const auto& part : parts_)
        if (part.writer) most = std::max(most, part.writer->bytes());
    return most;
}

Result<std::vector<catalog::NewFile>> GroupWriter::publish(const GroupFacts& facts) {
    std::vector<catalog::NewFile> files;
    for (auto& part : parts_) {
        TRY(open(part));
        const auto& table = target_.tables[part.table];
        columnar::SegmentMetadata metadata;
        metadata.table = table.spec->name;
        metadata.file_name = part.name;
        metadata.range = facts.range;
        metadata.network = target_.network;
        metadata.hash = facts.hash;
        metadata.prev_hash = facts.prev_hash;
        metadata.timestamp = facts.timestamp;
        metadata.cluster_id = target_.cluster_id;
        metadata.dataset = target_.dataset;
        metadata.manifest_hash = target_.manifest_hash;
        metadata.kind = target_.kind;
        metadata.chain_id = target_.chain_id;
        metadata.revision = table.revision.path.substr(table.revision.path.rfind('/') + 1);
        metadata.group = group_;
        metadata.blocks = facts.blocks;
        metadata.final = facts.final;
        metadata.writer = target_.writer;
        metadata.provider = target_.provider;
        metadata.verify = facts.verify;
        metadata.overflows = facts.overflows[part.table];
        TRY_ASSIGN(auto closed, part.writer->close(metadata));
        TRY_ASSIGN(const auto object, part.object->publish());
        part.published = true;
        catalog::NewFile file;
        file.revision_id = table.revision.id;
        file.name = part.name;
        file.network = target_.network;
        file.range = facts.range;
        file.prev_hash = facts.prev_hash;
        file.hash = facts.hash;
        file.end_timestamp = facts.timestamp;
        file.rows = closed.rows;
        file.bytes = object.size;
        file.etag = object.etag;
        file.metadata = std::move(closed.metadata_json);
        file.footer = std::move(closed.footer);
        files.push_back(std::move(file));
    }
    return files;
}

void GroupWriter::discard() {
    for (auto& part : parts_) {
        if (!part.published) continue;
        if (const auto removed = objects_.remove(part.path); !removed.ok())
            log::warn("jobs", "an unregistered file could not be removed",
                      {{"err", removed.error().message}});
        part.published = false;
    }
}

}  // namespace amp::jobs
