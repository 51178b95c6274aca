// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "testing/replay_corpus.hpp"

#include "base/sha256.hpp"
#include "evm/keccak.hpp"
#include "evm/rlp.hpp"

#include <fcntl.h>
#include <simdjson.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace amp::testing {
namespace {

constexpr std::array<char, 8> kMagic = {'A', 'M', 'P', 'R', 'P', 'L', 'Y', '1'};

/// First bytes of the prepared file. The index (ReplayBlock records) is behind the bodies. Host byte order:
/// the file never leaves the machine.
struct FileHeader {
    std::array<char, 8> magic = kMagic;
    std::uint64_t corpus_size = 0;
    std::int64_t corpus_mtime_ns = 0;
    std::uint64_t repeat_to = 0;  // 0 = the corpus as it is
    std::uint64_t chain_id = 1;
    std::uint64_t index_offset = 0;
    std::uint64_t block_count = 0;
    std::uint64_t reserved = 0;
};
static_assert(sizeof(FileHeader) == 64);

Error system_error(std::string_view what, const std::filesystem::path& path) {
    return make_error(Code::kUnavailable, "{} {}: {}", what, path.string(), std::strerror(errno));
}

class Descriptor {
  public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }

  private:
    int fd_;
};

// ---------------------------------------------------------------------------------------------- reading the
// corpus

/// Calls each(line) for every line of a plain or zstd file until it fails.
Result<> for_each_line(const std::filesystem::path& path,
                       const std::function<Result<>(std::string_view line)>& each) {
    std::ifstream in(path, std::ios::binary);
    if (!in)
        return make_error(Code::kNotFound, "cannot read the corpus {}: {}", path.string(),
                          std::strerror(errno));
    std::vector<char> raw(ZSTD_DStreamInSize());
    std::vector<char> plain(ZSTD_DStreamOutSize());
    std::string pending;
    const auto feed = [&](std::string_view chunk) -> Result<> {
        while (!chunk.empty()) {
            const std::size_t end = chunk.find('\n');
            pending.append(chunk.substr(0, end));
            if (end == std::string_view::npos) break;
            if (!pending.empty()) TRY(each(pending));
            pending.clear();
            chunk.remove_prefix(end + 1);
        }
        return {};
    };
    const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), &ZSTD_freeDCtx);
    std::optional<bool> packed;
    while (in) {
        in.read(raw.data(), static_cast<std::streamsize>(raw.size()));
        const auto got = static_cast<std::size_t>(in.gcount());
        if (got == 0) break;
        if (!packed) packed = got >= 4 && std::memcmp(raw.data(), "\x28\xb5\x2f\xfd", 4) == 0;
        if (!*packed) {
            TRY(feed({raw.data(), got}));
            continue;
        }
        ZSTD_inBuffer input{raw.data(), got, 0};
        while (input.pos < input.size) {
            ZSTD_outBuffer output{plain.data(), plain.size(), 0};
            const std::size_t rest = ZSTD_decompressStream(context.get(), &output, &input);
            if (ZSTD_isError(rest) != 0) {
                return make_error(Code::kCorruption, "{} is not valid zstd: {}", path.string(),
                                  ZSTD_getErrorName(rest));
            }
            TRY(feed({plain.data(), output.pos}));
        }
    }
    if (!pending.empty()) TRY(each(pending));
    return {};
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
    return text;
}

std::string_view unquoted(std::string_view token) {
    if (token.size() >= 2 && token.front() == '"' && token.back() == '"')
        return token.substr(1, token.size() - 2);
    return token;
}

std::optional<std::uint64_t> parse_quantity(std::string_view text) {
    if (!text.starts_with("0x")) return std::nullopt;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), value, 16);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// One line of the corpus, taken apart.
struct RecordedBlock {
    std::string full;
    std::string light;
    std::string receipts;
    std::map<std::string, std::string, std::less<>>
        header;  // text of each member but `transactions`, unquoted
    std::uint64_t number = 0;
    std::uint64_t timestamp = 0;
    Hash32 hash;
};

class LineParser {
  public:
    Result<RecordedBlock> parse(std::string_view line, std::size_t line_number) {
        try {
            return parse_checked(line, line_number);
        } catch (const simdjson::simdjson_error& error) {
            return make_error(Code::kCorruption, "corpus line {}: {}", line_number, error.what());
        }
    }
    std::optional<std::uint64_t> chain_id() const { return chain_id_; }

  private:
    Result<RecordedBlock> parse_checked(std::string_view line, std::size_t line_number) {
        RecordedBlock block;
        const simdjson::padded_string text(line);
        simdjson::ondemand::document document = parser_.iterate(text);
        for (auto field : document.get_object()) {
            const std::string_view key = field.unescaped_key();
            const std::string_view value = trimmed(field.value().raw_json());
            if (key == "block") block.full = value;
            if (key == "receipts") block.receipts = value;
        }
        if (block.full.empty() || block.receipts.empty()) {
            return make_error(Code::kCorruption, "corpus line {}: `block` or `receipts` is missing",
                              line_number);
        }
        TRY(split_header(block, line_number));
        return block;
    }

    Result<> split_header(RecordedBlock& block, std::size_t line_number) {
        const simdjson::padded_string text(block.full);
        simdjson::ondemand::document document = parser_.iterate(text);
        std::string transactions;
        std::size_t start = 0;
        for (auto field : document.get_object()) {
            const std::string key(std::string_view(field.unescaped_key()));
            const std::string_view value = trimmed(field.value().raw_json());
            if (key == "transactions") {
                transactions = value;
                start = static_cast<std::size_t>(value.data() - text.data());
            } else {
                block.header[key] = unquoted(value);
            }
        }
        const auto number = parse_quantity(block.header["number"]);
        const auto timestamp = parse_quantity(block.header["timestamp"]);
        const auto hash = parse_fixed_hex<32>(block.header["hash"]);
        if (!number || !timestamp || !hash || transactions.empty()) {
            return make_error(Code::kCorruption,
                              "corpus line {}: number, hash, timestamp or transactions is missing",
                              line_number);
        }
        block.number = *number;
        block.timestamp = *timestamp;
        block.hash = *hash;
        TRY_ASSIGN(const std::string hashes, transaction_hashes(transactions, line_number));
        block.light = block.full.substr(0, start) + hashes + block.full.substr(start + transactions.size());
        return {};
    }

    Result<std::string> transaction_hashes(const std::string& transactions, std::size_t line_number) {
        const simdjson::padded_string text(transactions);
        simdjson::ondemand::document document = parser_.iterate(text);
        std::string out = "[";
        for (auto element : document.get_array()) {
            simdjson::ondemand::object object = element.get_object();
            bool found = false;
            for (auto field : object) {
                const std::string_view key = field.unescaped_key();
                if (key != "hash" && key != "chainId") continue;
                const std::string_view value = trimmed(field.value().raw_json());
                if (key == "chainId") {
                    if (!chain_id_) chain_id_ = parse_quantity(unquoted(value));
                    continue;
                }
                if (out.size() > 1) out += ',';
                out += value;
                found = true;
            }
            if (!found) {
                return make_error(Code::kCorruption, "corpus line {}: a transaction has no hash",
                                  line_number);
            }
        }
        return out + "]";
    }

    simdjson::ondemand::parser parser_;
    std::optional<std::uint64_t> chain_id_;
};

// ------------------------------------------------------------------------------------------------- new block
// numbers

/// What changes when a block gets another place in the chain.
struct Place {
    std::uint64_t number = 0;
    std::uint64_t timestamp = 0;
    Hash32 parent_hash;
};

/// The header fields in the order of their RLP list; the optional tail begins at kOptionalFields.
struct HeaderField {
    std::string_view name;
    enum Kind { kBytes, kInteger, kNonce } kind;
};
constexpr std::array<HeaderField, 23> kHeaderFields = {{
    {"parentHash", HeaderField::kBytes},
    {"sha3Uncles", HeaderField::kBytes},
    {"miner", HeaderField::kBytes},
    {"stateRoot", HeaderField::kBytes},
    {"transactionsRoot", HeaderField::kBytes},
    {"receiptsRoot", HeaderField::kBytes},
    {"logsBloom", HeaderField::kBytes},
    {"difficulty", HeaderField::kInteger},
    {"number", HeaderField::kInteger},
    {"gasLimit", HeaderField::kInteger},
    {"gasUsed", HeaderField::kInteger},
    {"timestamp", HeaderField::kInteger},
    {"extraData", HeaderField::kBytes},
    {"mixHash", HeaderField::kBytes},
    {"nonce", HeaderField::kNonce},
    {"baseFeePerGas", HeaderField::kInteger},
    {"withdrawalsRoot", HeaderField::kBytes},
    {"blobGasUsed", HeaderField::kInteger},
    {"excessBlobGas", HeaderField::kInteger},
    {"parentBeaconBlockRoot", HeaderField::kBytes},
    {"requestsHash", HeaderField::kBytes},
    {"blockAccessListHash", HeaderField::kBytes},
    {"slotNumber", HeaderField::kInteger},
}};
constexpr std::size_t kOptionalFields = 15;

Bytes minimal_integer(std::string_view digits, std::size_t width) {
    std::string padded(digits.size() % 2, '0');
    padded += digits;
    Bytes bytes = parse_hex(padded).value_or(Bytes{});
    if (width > 0) {
        bytes.insert(bytes.begin(), width - std::min(width, bytes.size()), 0);
        return bytes;
    }
    bytes.erase(bytes.begin(),
                std::find_if(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b != 0; }));
    return bytes;
}

/// Keccak of the RLP list of the header (yellow paper 4.3; later fields by EIPs 1559, 4844, 4788, 4895, 7685,
/// 7928).
Hash32 header_hash(const RecordedBlock& block, const Place& place) {
    std::vector<Bytes> items;
    std::size_t body = 0;
    for (std::size_t i = 0; i < kHeaderFields.size(); ++i) {
        const HeaderField& field = kHeaderFields[i];
        std::string value;
        if (field.name == "parentHash") {
            value = to_hex0x(place.parent_hash.view());
        } else if (field.name == "number") {
            value = fmt::format("{:#x}", place.number);
        } else if (field.name == "timestamp") {
            value = fmt::format("{:#x}", place.timestamp);
        } else if (const auto found = block.header.find(field.name); found != block.header.end()) {
            value = found->second;
        }
        if (!value.starts_with("0x")) {
            if (i >= kOptionalFields) break;
            value = "0x";
        }
        const std::string_view digits = std::string_view(value).substr(2);
        items.push_back(field.kind == HeaderField::kBytes     ? parse_hex(digits).value_or(Bytes{})
                        : field.kind == HeaderField::kInteger ? minimal_integer(digits, 0)
                                                              : minimal_integer(digits, 8));
        body += evm::rlp::string_size(items.back());
    }
    Bytes encoded(evm::rlp::list_size(body));
    evm::rlp::Writer writer(encoded.data());
    writer.list_header(body);
    for (const Bytes& item : items) writer.string(item);
    return evm::keccak256(encoded);
}

/// A value in a text that depends on the block's place.
struct Patch {
    enum Kind { kHash, kParentHash, kNumber, kTimestamp } kind;
    std::size_t offset;
    std::size_t size;
};

/// Every place-dependent value in a block or its receipts. Nodes send plain JSON without escapes, so a quoted
/// word in front of a colon is a key wherever it stands.
std::vector<Patch> find_patches(std::string_view text, const RecordedBlock& block) {
    const std::string hash = to_hex0x(block.hash.view());
    const std::string& parent = block.header.find("parentHash")->second;
    const std::string& number = block.header.find("number")->second;
    const std::string& timestamp = block.header.find("timestamp")->second;
    std::vector<Patch> patches;
    std::size_t at = 0;
    while ((at = text.find('"', at)) != std::string_view::npos) {
        const std::size_t key_end = text.find('"', at + 1);
        if (key_end == std::string_view::npos) break;
        const std::string_view key = text.substr(at + 1, key_end - at - 1);
        at = key_end + 1;
        std::size_t value_start = at;
        while (value_start < text.size() && (text[value_start] == ':' || text[value_start] == ' '))
            ++value_start;
        if (value_start == at || value_start >= text.size() || text[value_start] != '"') continue;
        ++value_start;
        const std::size_t value_end = text.find('"', value_start);
        if (value_end == std::string_view::npos) break;
        const std::string_view value = text.substr(value_start, value_end - value_start);
        at = value_end + 1;
        const auto add = [&](Patch::Kind kind) { patches.push_back({kind, value_start, value.size()}); };
        if ((key == "hash" || key == "blockHash") && value == hash) {
            add(Patch::kHash);
        } else if (key == "parentHash" && value == parent) {
            add(Patch::kParentHash);
        } else if ((key == "number" || key == "blockNumber") && value == number) {
            add(Patch::kNumber);
        } else if ((key == "timestamp" || key == "blockTimestamp") && value == timestamp) {
            add(Patch::kTimestamp);
        }
    }
    return patches;
}

void append_patched(std::string& out, std::string_view text, const std::vector<Patch>& patches,
                    const std::array<std::string, 4>& values) {
    std::size_t done = 0;
    for (const Patch& patch : patches) {
        out += text.substr(done, patch.offset - done);
        out += values[patch.kind];
        done = patch.offset + patch.size;
    }
    out += text.substr(done);
}

// --------------------------------------------------------------------------------------------- the prepared
// file

class FileWriter {
  public:
    static Result<FileWriter> create(const std::filesystem::path& path) {
        Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
        if (file.get() < 0) return system_error("cannot create", path);
        FileWriter writer(std::move(file), path);
        const FileHeader room{};
        TRY(writer.append({reinterpret_cast<const char*>(&room), sizeof room}));
        return writer;
    }

    std::uint64_t position() const { return position_; }

    Result<ReplaySpan> body(std::string_view text) {
        const ReplaySpan span{position_, text.size()};
        TRY(append(text));
        return span;
    }

    /// The last step: index, then the header that makes the file valid.
    Result<> finish(FileHeader header, const std::vector<ReplayBlock>& index) {
        while (position_ % alignof(ReplayBlock) != 0) TRY(append("\n"));
        header.index_offset = position_;
        header.block_count = index.size();
        TRY(append({reinterpret_cast<const char*>(index.data()), index.size() * sizeof(ReplayBlock)}));
        TRY(flush());
        if (::pwrite(file_.get(), &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header)) {
            return system_error("cannot write", path_);
        }
        return {};
    }

  private:
    FileWriter(Descriptor file, std::filesystem::path path)
        : file_(std::move(file)), path_(std::move(path)) {}

    Result<> append(std::string_view text) {
        constexpr std::size_t kBuffer = 8U << 20U;
        pending_ += text;
        position_ += text.size();
        return pending_.size() < kBuffer ? Result<>{} : flush();
    }

    Result<> flush() {
        std::string_view rest = pending_;
        while (!rest.empty()) {
            const ssize_t n = ::write(file_.get(), rest.data(), rest.size());
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return system_error("cannot write", path_);
            rest.remove_prefix(static_cast<std::size_t>(n));
        }
        pending_.clear();
        return {};
    }

    Descriptor file_;
    std::filesystem::path path_;
    std::string pending_;
    std::uint64_t position_ = 0;
};

Result<ReplayBlock> write_recorded(FileWriter& file, const RecordedBlock& block) {
    ReplayBlock entry{.number = block.number, .hash = block.hash, .full = {}, .light = {}, .receipts = {}};
    TRY_ASSIGN(entry.full, file.body(block.full));
    TRY_ASSIGN(entry.receipts, file.body(block.receipts));
    TRY_ASSIGN(entry.light, file.body(block.light));
    return entry;
}

Result<> check_order(const std::vector<ReplayBlock>& index, const RecordedBlock& next, bool without_gaps) {
    if (index.empty()) return {};
    const std::uint64_t last = index.back().number;
    if (next.number <= last || (without_gaps && next.number != last + 1)) {
        return make_error(Code::kCorruption, "the corpus has block {} behind block {}: numbers must ascend{}",
                          next.number, last, without_gaps ? " without gaps to be repeated" : "");
    }
    return {};
}

/// Appends repetitions of the blocks behind block 0 until the chain ends at `repeat_to`.
Result<> write_repetitions(FileWriter& file, const std::vector<RecordedBlock>& blocks, BlockNum repeat_to,
                           std::vector<ReplayBlock>& index) {
    struct Patches {
        std::vector<Patch> full;
        std::vector<Patch> light;
        std::vector<Patch> receipts;
    };
    const std::size_t first = blocks.front().number == 0 ? 1 : 0;
    if (first == blocks.size()) {
        return make_error(Code::kInvalidArgument,
                          "the corpus holds nothing but block 0: there is nothing to repeat");
    }
    std::vector<Patches> patches;
    for (const RecordedBlock& block : blocks) {
        const auto parent = parse_fixed_hex<32>(block.header.find("parentHash")->second).value_or(Hash32{});
        if (header_hash(block, {block.number, block.timestamp, parent}) != block.hash) {
            return make_error(
                Code::kCorruption,
                "block {} of the corpus does not hash to its hash: it cannot get another number",
                block.number);
        }
        patches.push_back({find_patches(block.full, block), find_patches(block.light, block),
                           find_patches(block.receipts, block)});
    }
    constexpr std::uint64_t kSlot = 12;
    const std::uint64_t period = blocks.back().timestamp - blocks[first].timestamp + kSlot;
    std::string text;
    for (std::uint64_t round = 1; index.back().number < repeat_to; ++round) {
        for (std::size_t i = first; i < blocks.size() && index.back().number < repeat_to; ++i) {
            const RecordedBlock& block = blocks[i];
            const Place place{index.back().number + 1, block.timestamp + round * period, index.back().hash};
            ReplayBlock entry{.number = place.number,
                              .hash = header_hash(block, place),
                              .full = {},
                              .light = {},
                              .receipts = {}};
            const std::array<std::string, 4> values = {
                to_hex0x(entry.hash.view()), to_hex0x(place.parent_hash.view()),
                fmt::format("{:#x}", place.number), fmt::format("{:#x}", place.timestamp)};
            const auto patched = [&](std::string_view original, const std::vector<Patch>& where) {
                text.clear();
                append_patched(text, original, where, values);
                return std::string_view(text);
            };
            TRY_ASSIGN(entry.full, file.body(patched(block.full, patches[i].full)));
            TRY_ASSIGN(entry.receipts, file.body(patched(block.receipts, patches[i].receipts)));
            TRY_ASSIGN(entry.light, file.body(patched(block.light, patches[i].light)));
            index.push_back(entry);
        }
    }
    return {};
}

Result<> prepare(const ReplayCorpusOptions& options, const FileHeader& wanted,
                 const std::filesystem::path& path) {
    std::error_code ignored;
    std::filesystem::create_directories(path.parent_path(), ignored);
    const std::filesystem::path staged = path.string() + fmt::format(".{}.tmp", ::getpid());
    const auto write = [&]() -> Result<> {
        TRY_ASSIGN(FileWriter file, FileWriter::create(staged));
        LineParser parser;
        std::vector<RecordedBlock> blocks;  // kept only to be repeated
        std::vector<ReplayBlock> index;
        std::size_t line_number = 0;
        const auto add_line = [&](std::string_view line) -> Result<> {
            TRY_ASSIGN(RecordedBlock block, parser.parse(line, ++line_number));
            TRY(check_order(index, block, options.repeat_to.has_value()));
            if (options.repeat_to && block.number > *options.repeat_to) return {};
            TRY_ASSIGN(const ReplayBlock entry, write_recorded(file, block));
            index.push_back(entry);
            if (options.repeat_to) blocks.push_back(std::move(block));
            return {};
        };
        TRY(for_each_line(options.corpus, add_line));
        if (index.empty()) {
            return make_error(Code::kCorruption, "the corpus {} holds no block", options.corpus.string());
        }
        if (options.repeat_to) TRY(write_repetitions(file, blocks, *options.repeat_to, index));
        FileHeader header = wanted;
        header.chain_id = parser.chain_id().value_or(1);
        return file.finish(header, index);
    };
    if (auto written = write(); !written.ok()) {
        std::filesystem::remove(staged, ignored);
        return std::move(written).error();
    }
    if (::rename(staged.c_str(), path.c_str()) != 0) return system_error("cannot rename to", path);
    return {};
}

/// One file per corpus and form: a longer chain replaces a shorter one.
std::filesystem::path default_cache(const std::filesystem::path& corpus, bool repeated) {
    const auto variable = [](const char* name) {
        const char* value = std::getenv(name);
        return std::filesystem::path(value == nullptr ? "" : value);
    };
    std::filesystem::path folder = variable("AMP_CACHE_DIR");
    if (folder.empty() && !variable("XDG_CACHE_HOME").empty()) folder = variable("XDG_CACHE_HOME") / "amp";
    if (folder.empty() && !variable("HOME").empty()) folder = variable("HOME") / ".cache" / "amp";
    if (folder.empty()) folder = std::filesystem::temp_directory_path() / "amp";
    std::error_code ignored;
    const std::string name =
        std::filesystem::absolute(corpus, ignored).string() + (repeated ? " repeated" : "");
    return folder / "replay" / (to_hex(sha256(as_bytes(name)).view().first(8)) + ".replay");
}

}  // namespace

struct ReplayCorpus::Mapping {
    Descriptor file;
    const char* data = nullptr;
    std::size_t size = 0;
    std::span<const ReplayBlock> blocks;
    std::unordered_map<std::uint64_t, const ReplayBlock*> by_number;
    std::map<Hash32, const ReplayBlock*> by_hash;
    std::uint64_t chain_id = 1;
    std::uint64_t json_bytes = 0;

    ~Mapping() {
        if (data != nullptr) ::munmap(const_cast<char*>(data), size);
    }
};

namespace {

/// Maps the file if it was prepared for this corpus and is long enough; nothing if it has to be made.
Result<std::optional<FileHeader>> read_header(const Descriptor& file, const FileHeader& wanted) {
    FileHeader header;
    if (::pread(file.get(), &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header))
        return std::nullopt;
    const bool fits = header.magic == kMagic && header.corpus_size == wanted.corpus_size &&
                      header.corpus_mtime_ns == wanted.corpus_mtime_ns &&
                      (wanted.repeat_to == 0 ? header.repeat_to == 0 : header.repeat_to >= wanted.repeat_to);
    return fits ? std::optional(header) : std::nullopt;
}

}  // namespace

ReplayCorpus::ReplayCorpus(std::unique_ptr<Mapping> mapping) : mapping_(std::move(mapping)) {}
ReplayCorpus::~ReplayCorpus() = default;

Result<std::unique_ptr<ReplayCorpus>> ReplayCorpus::open(const ReplayCorpusOptions& options) {
    struct stat status {};
    if (::stat(options.corpus.c_str(), &status) != 0) {
        return make_error(Code::kNotFound, "cannot read the corpus {}: {}", options.corpus.string(),
                          std::strerror(errno));
    }
    if (options.repeat_to == 0U)
        return make_error(Code::kInvalidArgument, "a chain up to block 0 has nothing to repeat");
    FileHeader wanted;
    wanted.corpus_size = static_cast<std::uint64_t>(status.st_size);
    wanted.corpus_mtime_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
    wanted.repeat_to = options.repeat_to.value_or(0);
    const std::filesystem::path path =
        options.cache.empty() ? default_cache(options.corpus, options.repeat_to.has_value()) : options.cache;

    auto mapping = std::make_unique<Mapping>();
    std::optional<FileHeader> header;
    for (const bool may_prepare : {true, false}) {
        mapping->file = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (mapping->file.get() >= 0) {
            TRY_ASSIGN(header, read_header(mapping->file, wanted));
        }
        if (header) break;
        if (may_prepare) TRY(prepare(options, wanted, path));
    }
    if (!header)
        return make_error(Code::kConflict, "{} was replaced while it was opened: try again", path.string());

    if (::fstat(mapping->file.get(), &status) != 0) return system_error("cannot read", path);
    const auto size = static_cast<std::size_t>(status.st_size);
    if (header->index_offset + header->block_count * sizeof(ReplayBlock) > size) {
        return make_error(Code::kCorruption, "{} is cut off: remove it", path.string());
    }
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, mapping->file.get(), 0);
    if (address == MAP_FAILED) return system_error("cannot map", path);
    mapping->data = static_cast<const char*>(address);
    mapping->size = size;
    mapping->chain_id = header->chain_id;
    const auto* blocks = reinterpret_cast<const ReplayBlock*>(mapping->data + header->index_offset);
    std::size_t count = header->block_count;
    while (options.repeat_to && count > 1 && blocks[count - 1].number > *options.repeat_to) --count;
    mapping->blocks = {blocks, count};
    for (const ReplayBlock& block : mapping->blocks) {
        mapping->by_number[block.number] = &block;
        mapping->by_hash[block.hash] = &block;
        mapping->json_bytes += block.full.size + block.receipts.size;
    }
    return std::unique_ptr<ReplayCorpus>(new ReplayCorpus(std::move(mapping)));
}

const ReplayBlock* ReplayCorpus::find(BlockNum number) const {
    const auto found = mapping_->by_number.find(number);
    return found == mapping_->by_number.end() ? nullptr : found->second;
}

const ReplayBlock* ReplayCorpus::find(const Hash32& hash) const {
    const auto found = mapping_->by_hash.find(hash);
    return found == mapping_->by_hash.end() ? nullptr : found->second;
}

const ReplayBlock& ReplayCorpus::first() const { return mapping_->blocks.front(); }
const ReplayBlock& ReplayCorpus::last() const { return mapping_->blocks.back(); }
std::size_t ReplayCorpus::block_count() const { return mapping_->blocks.size(); }
std::uint64_t ReplayCorpus::chain_id() const { return mapping_->chain_id; }
std::uint64_t ReplayCorpus::json_bytes() const { return mapping_->json_bytes; }
std::string_view ReplayCorpus::text(ReplaySpan span) const {
    return {mapping_->data + span.offset, span.size};
}
int ReplayCorpus::file() const { return mapping_->file.get(); }

}  // namespace amp::testing
