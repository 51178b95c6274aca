// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "flight_sql.pb.h"
#include "serve/flight/batch_slicer.hpp"
#include "serve/flight/command.hpp"
#include "serve/flight/ticket.hpp"

#include <arrow/api.h>
#include <arrow/ipc/dictionary.h>
#include <arrow/ipc/reader.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace amp::serve {
namespace {

TEST(TicketSigner, OpensOnlyItsOwnFreshTickets) {
    const TicketSigner signer("key", std::chrono::seconds(10));
    const std::string ticket = signer.seal(TicketKind::kTicket, "SELECT 1", 1'000);
    EXPECT_TRUE(ticket.starts_with(std::string("\0AMP\1", 5)));
    EXPECT_EQ(*signer.open(TicketKind::kTicket, ticket, 2'000), "SELECT 1");
    EXPECT_EQ(*TicketSigner("key", std::chrono::seconds(1)).open(TicketKind::kTicket, ticket, 2'000),
              "SELECT 1");
    EXPECT_EQ(signer.open(TicketKind::kTicket, ticket, 11'000).error().reason, "TICKET_EXPIRED");
    EXPECT_EQ(signer.open(TicketKind::kPrepared, ticket, 2'000).error().reason, "TICKET_DECODING_ERROR");
    EXPECT_FALSE(
        TicketSigner("other", std::chrono::seconds(10)).open(TicketKind::kTicket, ticket, 2'000).ok());
    for (std::size_t i = 0; i < ticket.size(); ++i) {
        std::string changed = ticket;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        EXPECT_FALSE(signer.open(TicketKind::kTicket, changed, 2'000).ok()) << i;
        EXPECT_FALSE(signer.open(TicketKind::kTicket, ticket.substr(0, i), 2'000).ok()) << i;
    }
}

TEST(Command, DescriptorsFollowTheirForms) {
    const auto kind = [](const std::string& bytes) {
        auto parsed = parse_descriptor_command(bytes);
        return parsed.ok() ? "ok " + parsed->text : parsed.error().reason;
    };
    EXPECT_EQ(kind("SELECT 1"), "ok SELECT 1");
    EXPECT_EQ(kind("EXPLAIN SELECT 1"), "ok EXPLAIN SELECT 1");
    EXPECT_EQ(kind(""), "INVALID_QUERY");
    EXPECT_EQ(kind(" \n"), "INVALID_QUERY");
    EXPECT_EQ(kind("\xff\xfe"), "PB_DECODE_ERROR");
    EXPECT_EQ(kind(std::string("a\0b", 3)), "PB_DECODE_ERROR");
    wire::CommandStatementQuery statement;
    statement.set_query("SELECT 2");
    EXPECT_EQ(kind(wrap_sql_message("CommandStatementQuery", statement.SerializeAsString())), "ok SELECT 2");
    EXPECT_EQ(kind(wrap_sql_message("CommandNews", "")), "UNSUPPORTED_FLIGHT_DESCRIPTOR_COMMAND");
    EXPECT_EQ(kind(wrap_sql_message("CommandStatementQuery", "\xff")), "PB_DECODE_ERROR");
}

TEST(Command, TicketsFollowTheirForms) {
    EXPECT_EQ(parse_ticket("SELECT 1")->kind, Request::Kind::kSql);
    EXPECT_EQ(parse_ticket(std::string("\0AMP", 4))->kind, Request::Kind::kOwnTicket);
    wire::TicketStatementQuery message;
    message.set_statement_handle("handle");
    const auto wrapped = parse_ticket(wrap_sql_message("TicketStatementQuery", message.SerializeAsString()));
    EXPECT_EQ(wrapped->kind, Request::Kind::kOwnTicket);
    EXPECT_EQ(wrapped->text, "handle");
    EXPECT_EQ(parse_ticket("").error().reason, "TICKET_DECODING_ERROR");
    EXPECT_EQ(parse_ticket("\xff").error().reason, "TICKET_DECODING_ERROR");
}

TEST(Command, RandomBytesNeverBecomeOwnTickets) {
    std::mt19937 random(7);
    const TicketSigner signer("key", std::chrono::seconds(10));
    for (int i = 0; i < 10'000; ++i) {
        std::string bytes(random() % 64, '\0');
        for (char& c : bytes) c = static_cast<char>(random());
        if (i % 2 == 0) bytes.insert(0, std::string("\0AMP\1", 5));
        (void)parse_descriptor_command(bytes);
        const auto parsed = parse_ticket(bytes);
        if (parsed.ok() && parsed->kind == Request::Kind::kOwnTicket) {
            EXPECT_FALSE(signer.open(TicketKind::kTicket, parsed->text, 0).ok());
        }
    }
}

TEST(Like, PatternsMatchAsInSql) {
    EXPECT_TRUE(like("eth.blocks", "%"));
    EXPECT_TRUE(like("eth.blocks", "eth.%"));
    EXPECT_TRUE(like("eth.blocks", "%.bl_cks"));
    EXPECT_TRUE(like("a_b", "a\\_b"));
    EXPECT_FALSE(like("axb", "a\\_b"));
    EXPECT_FALSE(like("eth.blocks", "Eth%"));
    EXPECT_FALSE(like("eth", ""));
    EXPECT_TRUE(like("aXbXc", "%X%c"));
}

std::shared_ptr<arrow::RecordBatch> texts(std::int64_t rows, std::size_t bytes) {
    arrow::StringBuilder builder;
    for (std::int64_t i = 0; i < rows; ++i)
        EXPECT_TRUE(builder.Append(std::string(bytes, static_cast<char>('a' + i % 26))).ok());
    return arrow::RecordBatch::Make(arrow::schema({arrow::field("t", arrow::utf8())}), rows,
                                    {builder.Finish().ValueOrDie()});
}

/// Reads a payload back as a client does.
std::shared_ptr<arrow::RecordBatch> decode(const arrow::flight::FlightPayload& payload,
                                           const std::shared_ptr<arrow::Schema>& schema) {
    std::string body;
    for (const auto& buffer : payload.ipc_message.body_buffers) {
        if (buffer) body += buffer->ToString();
        body.resize((body.size() + 7) / 8 * 8);
    }
    const auto message =
        arrow::ipc::Message::Open(payload.ipc_message.metadata, arrow::Buffer::FromString(body));
    arrow::ipc::DictionaryMemo memo;
    return arrow::ipc::ReadRecordBatch(**message, schema, &memo, arrow::ipc::IpcReadOptions::Defaults())
        .ValueOrDie();
}

TEST(BatchSlicer, LargeBatchesAreCutAndKeepTheirRows) {
    const auto batch = texts(200, 50'000);
    BatchSlicer slicer;
    slicer.push(batch);
    std::vector<std::shared_ptr<arrow::RecordBatch>> parts;
    while (!slicer.empty()) {
        auto payload = slicer.pop();
        ASSERT_TRUE(payload.ok());
        EXPECT_LE(payload->ipc_message.body_length, 4 << 20);
        parts.push_back(decode(*payload, batch->schema()));
        // Offsets are rebased: a slice carries its own bytes only.
        EXPECT_EQ(static_cast<const arrow::StringArray&>(*parts.back()->column(0)).value_offset(0), 0);
    }
    EXPECT_GT(parts.size(), 4U);
    const auto whole =
        arrow::Table::FromRecordBatches(parts).ValueOrDie()->CombineChunksToBatch().ValueOrDie();
    EXPECT_TRUE(whole->Equals(*batch));
}

TEST(BatchSlicer, UnevenRowsStayBelowTheMaximum) {
    arrow::StringBuilder builder;
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(builder.Append(std::string(i < 96 ? 10 : 3'000'000, 'x')).ok());
    const auto batch = arrow::RecordBatch::Make(arrow::schema({arrow::field("t", arrow::utf8())}), 100,
                                                {builder.Finish().ValueOrDie()});
    BatchSlicer slicer;
    slicer.push(batch);
    std::int64_t rows = 0;
    while (!slicer.empty()) {
        const auto payload = slicer.pop();
        EXPECT_LE(payload->ipc_message.body_length, 4 << 20);
        rows += decode(*payload, batch->schema())->num_rows();
    }
    EXPECT_EQ(rows, 100);
}

TEST(BatchSlicer, ASingleLargeRowGoesWhole) {
    BatchSlicer slicer;
    slicer.push(texts(1, 6'000'000));
    EXPECT_GT(slicer.pop()->ipc_message.body_length, 6'000'000);
    EXPECT_TRUE(slicer.empty());
}

}  // namespace
}  // namespace amp::serve
