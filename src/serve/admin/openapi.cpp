// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/admin/endpoint.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <set>

namespace amp::serve {
namespace {

using Json = nlohmann::ordered_json;

// Objects of answers may grow keys; those of requests refuse unknown ones.
constexpr const char* kSchemas = R"json({
"Error": {"type":"object","required":["error_code","error_message","request_id"],"properties":{
  "error_code":{"type":"string","pattern":"^[A-Z][A-Z0-9_]*$"},"error_message":{"type":"string"},
  "request_id":{"type":"string"}}},
"Health": {"type":"object","required":["status"],"properties":{"status":{"type":"string"}}},
"Readiness": {"type":"object","required":["ready","checks"],"properties":{"ready":{"type":"boolean"},
  "checks":{"type":"object","additionalProperties":{"type":"boolean"}}}},
"Version": {"type":"object","required":["version"],"properties":{"version":{"type":"string"},
  "commit_sha":{"type":"string"},"commit_timestamp":{"type":"string"},"build_date":{"type":"string"}}},
"Status": {"type":"object","required":["version","is_leader","jobs","shards","workers"],"properties":{
  "version":{"type":"string"},"is_leader":{"type":"boolean"},
  "jobs":{"$ref":"#/components/schemas/Counts"},"shards":{"$ref":"#/components/schemas/Counts"},
  "workers":{"$ref":"#/components/schemas/Counts"}}},
"Counts": {"type":"object","additionalProperties":{"type":"integer","minimum":0}},
"Name": {"type":"string","pattern":"^[a-z_][a-z0-9_]*$","maxLength":63},
"Hash": {"type":"string","pattern":"^[0-9a-f]{64}$"},
"Time": {"type":"string","format":"date-time"},
"EndBlock": {"description":"absent or null = continuous",
  "oneOf":[{"type":"null"},{"type":"integer"},{"type":"string","pattern":"^(latest|finalized|-?[0-9]+)$"}]},
"Manifest": {"type":"object","required":["kind"],"properties":{"kind":{"type":"string"},
  "network":{"type":"string"},"start_block":{"type":"integer","minimum":0},
  "finalized_blocks_only":{"type":"boolean"},"tables":{"type":"object"}}},
"Register": {"type":"object","additionalProperties":false,"required":["namespace","name","manifest"],"properties":{
  "namespace":{"type":"string","pattern":"^[a-z0-9_]+$","maxLength":63},
  "name":{"$ref":"#/components/schemas/Name"},"version":{"type":"string"},
  "manifest":{"oneOf":[{"$ref":"#/components/schemas/Manifest"},{"$ref":"#/components/schemas/Hash"},
    {"type":"object","additionalProperties":false,"required":["hash"],"properties":{"hash":{"$ref":"#/components/schemas/Hash"}}}]},
  "force_tag":{"type":"boolean"},"strict":{"type":"boolean"}}},
"Deploy": {"type":"object","additionalProperties":false,"properties":{
  "end_block":{"$ref":"#/components/schemas/EndBlock"},"parallelism":{"type":"integer","minimum":0,"maximum":1024},
  "worker_id":{"type":"string"},"labels":{"$ref":"#/components/schemas/Labels"},
  "prefer":{"$ref":"#/components/schemas/Labels"},"priority":{"type":"integer","minimum":-1000,"maximum":1000},
  "verify":{"type":"boolean"},"max_attempts":{"type":"integer","minimum":0,"maximum":1000000}}},
"Resume": {"type":"object","additionalProperties":false,"properties":{
  "end_block":{"$ref":"#/components/schemas/EndBlock"},"parallelism":{"type":"integer","minimum":0,"maximum":1024}}},
"Labels": {"type":"object","additionalProperties":{"type":"string"}},
"JobRef": {"type":"object","required":["job_id","status","dataset","manifest_hash","created"],"properties":{
  "job_id":{"type":"integer"},"status":{"$ref":"#/components/schemas/JobStatus"},"dataset":{"type":"string"},
  "manifest_hash":{"$ref":"#/components/schemas/Hash"},"created":{"type":"boolean"}}},
"JobStatus": {"type":"string","enum":["SCHEDULED","RUNNING","STOP_REQUESTED","STOPPING","STOPPED","COMPLETED","FAILED"]},
"Datasets": {"type":"object","required":["datasets"],"properties":{"datasets":{"type":"array",
  "items":{"$ref":"#/components/schemas/DatasetSummary"}},"next_cursor":{"type":"string"}}},
"DatasetSummary": {"type":"object","required":["namespace","name","versions","kind","tables"],"properties":{
  "namespace":{"type":"string"},"name":{"type":"string"},"latest_version":{"type":"string"},
  "versions":{"type":"array","items":{"type":"string"}},"dev_hash":{"$ref":"#/components/schemas/Hash"},
  "kind":{"type":"string"},"network":{"type":"string"},"tables":{"type":"array","items":{"type":"string"}},
  "active_job":{"type":"integer"}}},
"Dataset": {"type":"object","required":["namespace","name","revision","version","manifest_hash","kind","start_block",
  "finalized_blocks_only","tables","created_at","updated_at"],"properties":{
  "namespace":{"type":"string"},"name":{"type":"string"},"revision":{"type":"string"},"version":{"type":"string"},
  "manifest_hash":{"$ref":"#/components/schemas/Hash"},"kind":{"type":"string"},"network":{"type":"string"},
  "start_block":{"type":"integer","minimum":0},"finalized_blocks_only":{"type":"boolean"},
  "tables":{"type":"array","items":{"type":"string"}},"created_at":{"$ref":"#/components/schemas/Time"},
  "updated_at":{"$ref":"#/components/schemas/Time"},"warnings":{"type":"array","items":{"type":"string"}}}},
"Versions": {"type":"object","required":["namespace","name","versions","special_tags"],"properties":{
  "namespace":{"type":"string"},"name":{"type":"string"},"versions":{"type":"array","items":{"type":"object",
    "required":["version","manifest_hash","created_at","updated_at"],"properties":{"version":{"type":"string"},
    "manifest_hash":{"$ref":"#/components/schemas/Hash"},"created_at":{"$ref":"#/components/schemas/Time"},
    "updated_at":{"$ref":"#/components/schemas/Time"}}}},
  "special_tags":{"type":"object","properties":{"latest":{"type":"string"},"dev":{"type":"string"}}}}},
"SyncProgress": {"type":"object","required":["dataset_namespace","dataset_name","revision","manifest_hash","tables"],
  "properties":{"dataset_namespace":{"type":"string"},"dataset_name":{"type":"string"},"revision":{"type":"string"},
  "manifest_hash":{"$ref":"#/components/schemas/Hash"},"tables":{"type":"array","items":{"type":"object",
    "required":["table_name","files_count","total_size_bytes"],"properties":{"table_name":{"type":"string"},
    "current_block":{"type":"integer"},"start_block":{"type":"integer"},"job_id":{"type":"integer"},
    "job_status":{"$ref":"#/components/schemas/JobStatus"},"files_count":{"type":"integer"},
    "total_size_bytes":{"type":"integer"}}}}}},
"Gaps": {"type":"object","required":["tables"],"properties":{"tables":{"type":"array","items":{"type":"object",
  "required":["table_name","missing","held","breaks"],"properties":{"table_name":{"type":"string"},
  "desired":{"$ref":"#/components/schemas/Range"},"missing":{"type":"array","items":{"$ref":"#/components/schemas/Range"}},
  "held":{"type":"array","items":{"type":"integer"}},"breaks":{"type":"array","items":{"type":"object",
    "required":["block","expected","found"],"properties":{"block":{"type":"integer"},"expected":{"type":"string"},
    "found":{"type":"string"}}}}}}}}},
"Range": {"type":"object","required":["start","end"],"properties":{"start":{"type":"integer"},"end":{"type":"integer"}}},
"Jobs": {"type":"object","required":["jobs"],"properties":{"jobs":{"type":"array",
  "items":{"$ref":"#/components/schemas/Job"}},"next_cursor":{"type":"string"}}},
"Job": {"type":"object","required":["id","status","node_id","nodes","created_at","updated_at","dataset","manifest_hash",
  "kind","origin","descriptor","attempts","progress"],"properties":{"id":{"type":"integer"},
  "status":{"$ref":"#/components/schemas/JobStatus"},"node_id":{"type":"string"},
  "nodes":{"type":"array","items":{"type":"string"}},"created_at":{"$ref":"#/components/schemas/Time"},
  "updated_at":{"$ref":"#/components/schemas/Time"},"started_at":{"$ref":"#/components/schemas/Time"},
  "finished_at":{"$ref":"#/components/schemas/Time"},"dataset":{"type":"string"},
  "manifest_hash":{"$ref":"#/components/schemas/Hash"},"kind":{"type":"string"},"origin":{"type":"string"},
  "descriptor":{"type":"object"},"reason":{"type":"string"},"attempts":{"type":"integer"},
  "retry_at":{"$ref":"#/components/schemas/Time"},"last_error":{"type":"object"},
  "progress":{"$ref":"#/components/schemas/Progress"}}},
"Progress": {"type":"object","required":["job_id","job_status","seq","start_block","blocks_done","blocks_per_sec",
  "bytes_per_sec","tables"],"properties":{"job_id":{"type":"integer"},"job_status":{"$ref":"#/components/schemas/JobStatus"},
  "seq":{"type":"integer"},"start_block":{"type":"integer"},"end_block":{"type":"integer"},
  "blocks_done":{"type":"integer"},"blocks_total":{"type":"integer"},"percent":{"type":"number"},
  "blocks_per_sec":{"type":"number"},"bytes_per_sec":{"type":"number"},"eta_secs":{"type":"number"},
  "tables":{"type":"object","additionalProperties":{"type":"object",
    "required":["files_count","total_size_bytes","rows"],"properties":{"start_block":{"type":"integer"},
    "current_block":{"type":"integer"},"files_count":{"type":"integer"},"total_size_bytes":{"type":"integer"},
    "rows":{"type":"integer"}}}}}},
"Events": {"type":"object","required":["job_id","events"],"properties":{"job_id":{"type":"integer"},
  "events":{"type":"array","items":{"$ref":"#/components/schemas/Event"}},"next_cursor":{"type":"string"}}},
"Event": {"type":"object","required":["id","job_id","created_at","node_id","event_type"],"properties":{
  "id":{"type":"integer"},"job_id":{"type":"integer"},"created_at":{"$ref":"#/components/schemas/Time"},
  "node_id":{"type":"string"},"event_type":{"type":"string"},"shard_id":{"type":"integer"},"detail":{}}},
"Shards": {"type":"object","required":["shards"],"properties":{"shards":{"type":"array",
  "items":{"$ref":"#/components/schemas/Shard"}}}},
"Shard": {"type":"object","required":["id","kind","start_block","next_block","status","epoch","attempts","crashes"],
  "properties":{"id":{"type":"integer"},"kind":{"type":"string"},"table_name":{"type":"string"},
  "start_block":{"type":"integer"},"end_block":{"type":"integer"},"next_block":{"type":"integer"},
  "status":{"type":"string","enum":["PENDING","RUNNING","DONE","FAILED","CANCELLED"]},"node_id":{"type":"string"},
  "epoch":{"type":"integer"},"attempts":{"type":"integer"},"crashes":{"type":"integer"},
  "last_error":{"type":"object"}}},
"JobIds": {"type":"object","additionalProperties":false,"required":["job_ids"],"properties":{"job_ids":{"type":"array",
  "maxItems":1000,"items":{"type":"integer","minimum":1}}}},
"Workers": {"type":"object","required":["workers"],"properties":{"workers":{"type":"array",
  "items":{"$ref":"#/components/schemas/Worker"}}}},
"Worker": {"type":"object","required":["node_id","heartbeat_at","state","kind","slots","running","labels","created_at",
  "registered_at","stats","info"],"properties":{"node_id":{"type":"string"},
  "heartbeat_at":{"$ref":"#/components/schemas/Time"},"state":{"type":"string","enum":["ACTIVE","DRAINING","GONE"]},
  "kind":{"type":"string"},"slots":{"type":"integer"},"running":{"type":"integer"},"labels":{"type":"object"},
  "created_at":{"$ref":"#/components/schemas/Time"},"registered_at":{"$ref":"#/components/schemas/Time"},
  "stats":{"type":"object"},"info":{"type":"object"}}},
"Providers": {"type":"object","required":["providers"],"properties":{"providers":{"type":"array",
  "items":{"$ref":"#/components/schemas/Provider"}}}},
"Provider": {"type":"object","required":["name","kind","network","source","config","usable"],"properties":{
  "name":{"type":"string"},"kind":{"type":"string"},"network":{"type":"string"},"source":{"type":"string"},
  "config":{"type":"object"},"usable":{"type":"boolean"},"error":{"type":"string"}}},
"ProviderIn": {"type":"object","required":["kind","network","url"],"properties":{"name":{"type":"string"},
  "kind":{"type":"string","enum":["evm-rpc","firehose","eth-beacon"]},
  "network":{"type":"string","pattern":"^[A-Za-z0-9_.-]+$","maxLength":128},"url":{"type":"string","format":"uri"}}},
"NewProvider": {"type":"object","required":["name","kind","network","url"],"properties":{
  "name":{"type":"string","pattern":"^[A-Za-z0-9_][A-Za-z0-9_./-]*$","maxLength":128},
  "kind":{"type":"string","enum":["evm-rpc","firehose","eth-beacon"]},
  "network":{"type":"string","pattern":"^[A-Za-z0-9_.-]+$","maxLength":128},"url":{"type":"string","format":"uri"}}},
"ProviderTest": {"type":"object","required":["ok","latency_ms"],"properties":{"ok":{"type":"boolean"},
  "head":{"type":"integer"},"finalized":{"type":"integer"},"chain_id":{"type":"integer"},
  "latency_ms":{"type":"number"},"error":{"type":"string"}}},
"Manifests": {"type":"object","required":["manifests"],"properties":{"manifests":{"type":"array","items":{
  "type":"object","required":["hash","kind","dataset_count"],"properties":{"hash":{"$ref":"#/components/schemas/Hash"},
  "kind":{"type":"string"},"dataset_count":{"type":"integer"}}}}}},
"ManifestHash": {"type":"object","required":["hash"],"properties":{"hash":{"$ref":"#/components/schemas/Hash"},
  "warnings":{"type":"array","items":{"type":"string"}}}},
"ManifestDatasets": {"type":"object","required":["hash","datasets"],"properties":{"hash":{"$ref":"#/components/schemas/Hash"},
  "datasets":{"type":"array","items":{"type":"object","required":["namespace","name","version"],"properties":{
  "namespace":{"type":"string"},"name":{"type":"string"},"version":{"type":"string"}}}}}},
"Revision": {"type":"object","required":["id","path","active","metadata"],"properties":{"id":{"type":"integer"},
  "path":{"type":"string"},"active":{"type":"boolean"},"writer":{"type":"integer"},"metadata":{"type":"object",
    "required":["dataset_namespace","dataset_name","manifest_hash","table_name"],"properties":{
    "dataset_namespace":{"type":"string"},"dataset_name":{"type":"string"},
    "manifest_hash":{"$ref":"#/components/schemas/Hash"},"table_name":{"type":"string"}}}}},
"Revisions": {"type":"array","items":{"$ref":"#/components/schemas/Revision"}},
"NewRevision": {"type":"object","additionalProperties":false,"required":["dataset","table_name","path"],"properties":{
  "dataset":{"type":"string"},"table_name":{"type":"string"},"path":{"type":"string","maxLength":1024}}},
"TableName": {"type":"object","additionalProperties":false,"required":["dataset","table_name"],"properties":{
  "dataset":{"type":"string"},"table_name":{"type":"string"}}},
"RevisionId": {"type":"object","required":["location_id"],"properties":{"location_id":{"type":"integer"}}},
"Deactivated": {"type":"object","required":["deactivated"],"properties":{"deactivated":{"type":"boolean"}}},
"RestoredFiles": {"type":"object","required":["total_files"],"properties":{"total_files":{"type":"integer"}}},
"DeletedFiles": {"type":"object","required":["files_deleted"],"properties":{"files_deleted":{"type":"integer"}}},
"ScheduledFiles": {"type":"object","required":["files_scheduled","gc_delay_secs"],"properties":{
  "files_scheduled":{"type":"integer"},"gc_delay_secs":{"type":"integer"}}},
"File": {"type":"object","required":["id","location_id","file_name","url","metadata"],"properties":{
  "id":{"type":"integer"},"location_id":{"type":"integer"},"file_name":{"type":"string"},"url":{"type":"string"},
  "object_size":{"type":"integer"},"object_e_tag":{"type":"string"},"metadata":{"type":"object"}}},
"Collect": {"type":"object","additionalProperties":false,"properties":{"dry_run":{"type":"boolean"}}},
"Collected": {"type":"object","required":["files","bytes"],"properties":{"files":{"type":"integer"},
  "bytes":{"type":"integer"}}},
"Repair": {"type":"object","additionalProperties":false,"properties":{"from_block":{"type":"integer","minimum":0},
  "tables":{"type":"array","items":{"type":"string"}}}},
"RestoreTable": {"type":"object","additionalProperties":false,"properties":{"location_id":{"type":"integer","minimum":1}}},
"RestoredTable": {"type":"object","required":["table_name","location_id","url"],"properties":{
  "table_name":{"type":"string"},"location_id":{"type":"integer"},"url":{"type":"string"}}},
"RestoredTables": {"type":"object","required":["tables"],"properties":{"tables":{"type":"array",
  "items":{"$ref":"#/components/schemas/RestoredTable"}}}},
"Deleted": {"type":"object","required":["deleted_count"],"properties":{"deleted_count":{"type":"integer"}}},
"Text": {"type":"string"},
"Document": {"type":"object"}
})json";

Json error_answer(int status, const std::set<std::string>& codes) {
    std::string text;
    for (const auto& code : codes) text += (text.empty() ? "" : ", ") + code;
    Json answer = {{"description", text}};
    if (status == 429 || status == 503)
        answer["headers"]["Retry-After"] = {{"schema", {{"type", "integer"}}}};
    answer["content"]["application/json"]["schema"]["$ref"] = "#/components/schemas/Error";
    return answer;
}

Json parameters_of(const Endpoint& endpoint) {
    Json parameters = Json::array();
    for (std::size_t at = 0; (at = endpoint.path.find('{', at)) != std::string_view::npos; ++at) {
        const auto name = endpoint.path.substr(at + 1, endpoint.path.find('}', at) - at - 1);
        const bool is_number =
            name == "job_id" || name == "event_id" || name == "revision_id" || name == "file_id";
        Json schema = {{"type", is_number ? "integer" : "string"}};
        if (is_number) schema["minimum"] = 1;
        if (name == "hash") schema["pattern"] = "^[0-9a-f]{64}$";
        if (name == "namespace") schema["pattern"] = "^[a-z0-9_]{1,63}$";
        if (name == "name") schema["pattern"] = "^[a-z_][a-z0-9_]{0,62}$";
        if (name == "node_id") schema["pattern"] = "^[A-Za-z][A-Za-z0-9_.-]{0,127}$";
        if (name == "revision") schema["pattern"] = "^(latest|dev|[0-9a-f]{64}|[0-9]+\\.[0-9]+\\.[0-9]+)$";
        parameters.push_back({{"name", name}, {"in", "path"}, {"required", true}, {"schema", schema}});
    }
    for (const auto& query : endpoint.query)
        parameters.push_back({{"name", query.name},
                              {"in", "query"},
                              {"description", query.help},
                              {"schema", Json::parse(query.schema)}});
    return parameters;
}

}  // namespace

int status_of_code(std::string_view code) {
    static const std::map<std::string_view, int> kFixed = {
        {"UNAUTHORIZED", 401},
        {"FORBIDDEN", 403},
        {"METHOD_NOT_ALLOWED", 405},
        {"REQUEST_TIMEOUT", 408},
        {"WORKER_ACTIVE", 409},
        {"MANIFEST_LINKED", 409},
        {"DATASET_IN_USE", 409},
        {"REVISION_IS_ACTIVE", 409},
        {"WRITER_JOB_NOT_TERMINAL", 409},
        {"FILE_METADATA_REMAINING", 409},
        {"TABLE_NOT_IN_MANIFEST", 404},
        {"TABLE_NOT_REGISTERED", 404},
        {"PAYLOAD_TOO_LARGE", 413},
        {"METADATA_DB_UNAVAILABLE", 503},
        {"TOO_MANY_CONNECTIONS", 503},
    };
    if (const auto found = kFixed.find(code); found != kFixed.end()) return found->second;
    if (code.ends_with("_NOT_FOUND") || code == "NOT_FOUND") return 404;
    if (code.ends_with("_CONFLICT")) return 409;
    return 400;
}

std::string openapi_document(const std::vector<Endpoint>& endpoints, std::string_view version) {
    Json document = {{"openapi", "3.1.0"},
                     {"info", {{"title", "Amp Admin API"}, {"version", version}}},
                     {"paths", Json::object()}};
    for (const auto& endpoint : endpoints) {
        Json operation = {{"operationId", endpoint.id}, {"summary", endpoint.summary}};
        if (auto parameters = parameters_of(endpoint); !parameters.empty())
            operation["parameters"] = std::move(parameters);
        if (!endpoint.body.empty()) {
            operation["requestBody"] = {{"required", endpoint.body_required}};
            operation["requestBody"]["content"]["application/json"]["schema"]["$ref"] =
                fmt::format("#/components/schemas/{}", endpoint.body);
        }
        for (const auto& answer : endpoint.answers) {
            auto& described = operation["responses"][std::to_string(answer.status)];
            described["description"] = answer.status < 300 ? "success" : "not ready";
            if (!answer.schema.empty())
                described["content"][std::string(answer.content_type)]["schema"]["$ref"] =
                    fmt::format("#/components/schemas/{}", answer.schema);
        }
        std::map<int, std::set<std::string>> errors;
        for (const auto code : endpoint.codes) errors[status_of_code(code)].emplace(code);
        if (!endpoint.is_open) {
            errors[401].emplace("UNAUTHORIZED");
            if (endpoint.method != "GET") errors[403].emplace("FORBIDDEN");
            errors[500].emplace(endpoint.failure);
            errors[503].emplace("METADATA_DB_UNAVAILABLE");
        }
        errors[400].emplace("BAD_REQUEST");
        errors[408].emplace("REQUEST_TIMEOUT");
        if (!endpoint.body.empty()) errors[413].emplace("PAYLOAD_TOO_LARGE");
        for (const auto& [status, codes] : errors)
            if (!operation["responses"].contains(std::to_string(status)))
                operation["responses"][std::to_string(status)] = error_answer(status, codes);
        std::string method(endpoint.method);
        for (auto& c : method) c = static_cast<char>(c + 32);
        document["paths"][std::string(endpoint.path)][method] = std::move(operation);
    }
    document["components"]["schemas"] = Json::parse(kSchemas);
    document["components"]["securitySchemes"]["token"] = {{"type", "http"}, {"scheme", "bearer"}};
    return document.dump();
}

}  // namespace amp::serve
