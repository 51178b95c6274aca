// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/jsonl/body_writer.hpp"

#include "columnar/arrow_error.hpp"
#include "serve/jsonl/json_rows.hpp"

#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <zlib.h>
#include <zstd.h>

#include <array>

namespace amp::serve {
namespace {

class JsonLinesWriter final : public BodyWriter {
  public:
    explicit JsonLinesWriter(std::unique_ptr<JsonRows> rows) : rows_(std::move(rows)) {}
    Result<std::string> write(const arrow::RecordBatch& batch) override {
        buffer_.clear();
        rows_->append(batch, buffer_);
        return std::string(buffer_.view());
    }
    Result<std::string> finish() override { return std::string(); }

  private:
    std::unique_ptr<JsonRows> rows_;
    TextBuffer buffer_;
};

/// An output stream whose content is taken out after each batch.
class ArrowStreamWriter final : public BodyWriter {
  public:
    static Result<std::unique_ptr<BodyWriter>> make(const std::shared_ptr<arrow::Schema>& schema) {
        auto out = std::make_unique<ArrowStreamWriter>();
        auto sink = arrow::io::BufferOutputStream::Create();
        if (!sink.ok()) return columnar::to_error(sink.status());
        out->sink_ = *sink;
        auto writer = arrow::ipc::MakeStreamWriter(out->sink_, schema);
        if (!writer.ok()) return columnar::to_error(writer.status());
        out->writer_ = *writer;
        std::unique_ptr<BodyWriter> base = std::move(out);
        return base;
    }
    Result<std::string> write(const arrow::RecordBatch& batch) override {
        if (const auto status = writer_->WriteRecordBatch(batch); !status.ok())
            return columnar::to_error(status);
        return take();
    }
    Result<std::string> finish() override {
        if (const auto status = writer_->Close(); !status.ok()) return columnar::to_error(status);
        return take();
    }

  private:
    Result<std::string> take() {
        const auto buffer = sink_->Finish();
        if (!buffer.ok()) return columnar::to_error(buffer.status());
        if (const auto status = sink_->Reset(); !status.ok()) return columnar::to_error(status);
        return (*buffer)->ToString();
    }
    std::shared_ptr<arrow::io::BufferOutputStream> sink_;
    std::shared_ptr<arrow::ipc::RecordBatchWriter> writer_;
};

class IdentityEncoder final : public Encoder {
  public:
    Result<std::string> encode(std::string_view piece, bool) override { return std::string(piece); }
};

class ZlibEncoder final : public Encoder {
  public:
    explicit ZlibEncoder(bool gzip) {
        // 16 asks zlib for the gzip wrapping.
        ready_ = deflateInit2(&stream_, 1, Z_DEFLATED, gzip ? 15 + 16 : 15, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    }
    ~ZlibEncoder() override { deflateEnd(&stream_); }
    bool ready() const { return ready_; }

    Result<std::string> encode(std::string_view piece, bool last) override {
        std::string out;
        std::array<Bytef, 64U << 10> room{};
        // zlib reads only; its interface predates const.
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
        stream_.avail_in = static_cast<uInt>(piece.size());
        do {
            stream_.next_out = room.data();
            stream_.avail_out = static_cast<uInt>(room.size());
            if (deflate(&stream_, last ? Z_FINISH : Z_SYNC_FLUSH) == Z_STREAM_ERROR)
                return make_error(Code::kInternal, "deflate failed");
            out.append(reinterpret_cast<const char*>(room.data()), room.size() - stream_.avail_out);
        } while (stream_.avail_out == 0);
        return out;
    }

  private:
    z_stream stream_{};
    bool ready_ = false;
};

class ZstdEncoder final : public Encoder {
  public:
    ZstdEncoder() : context_(ZSTD_createCCtx(), ZSTD_freeCCtx) {
        if (context_) ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, 1);
    }
    bool ready() const { return context_ != nullptr; }

    Result<std::string> encode(std::string_view piece, bool last) override {
        std::string out;
        std::string room(ZSTD_CStreamOutSize(), '\0');
        ZSTD_inBuffer in{piece.data(), piece.size(), 0};
        for (std::size_t left = 1; left != 0;) {
            ZSTD_outBuffer to{room.data(), room.size(), 0};
            left = ZSTD_compressStream2(context_.get(), &to, &in, last ? ZSTD_e_end : ZSTD_e_flush);
            if (ZSTD_isError(left) != 0)
                return make_error(Code::kInternal, "zstd failed: {}", ZSTD_getErrorName(left));
            out.append(room, 0, to.pos);
        }
        return out;
    }

  private:
    std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context_;
};

}  // namespace

Result<std::unique_ptr<BodyWriter>> make_body_writer(std::string_view type,
                                                     const std::shared_ptr<arrow::Schema>& schema) {
    if (type == kArrowStreamType) return ArrowStreamWriter::make(schema);
    TRY_ASSIGN(auto rows, JsonRows::make(*schema));
    std::unique_ptr<BodyWriter> writer = std::make_unique<JsonLinesWriter>(std::move(rows));
    return writer;
}

Result<std::unique_ptr<Encoder>> make_encoder(std::string_view coding) {
    const auto no_memory = [] {
        return make_error(Code::kResourceExhausted, "no memory to compress the answer");
    };
    std::unique_ptr<Encoder> out = std::make_unique<IdentityEncoder>();
    if (coding == "zstd") {
        auto zstd = std::make_unique<ZstdEncoder>();
        if (!zstd->ready()) return no_memory();
        out = std::move(zstd);
    } else if (coding == "gzip" || coding == "deflate") {
        auto zlib = std::make_unique<ZlibEncoder>(coding == "gzip");
        if (!zlib->ready()) return no_memory();
        out = std::move(zlib);
    }
    return out;
}

}  // namespace amp::serve
