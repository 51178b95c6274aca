// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
//
// replay_client PORT FIRST LAST BATCH SECONDS
//
// Reads blocks FIRST..LAST with receipts from a local JSON-RPC server in batches of BATCH blocks, over and
// over for SECONDS, and throws the answers away: what is left is the server's cost and the kernel's. Prints
// one JSON object.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

[[noreturn]] void fail(std::string_view text) {
    fmt::print(stderr, "replay_client: {}\n", text);
    std::exit(1);
}

std::string request(std::uint64_t first, std::uint64_t count) {
    std::string body = "[";
    for (std::uint64_t i = 0; i < count; ++i) {
        body += fmt::format(
            R"({}{{"jsonrpc":"2.0","id":{},"method":"eth_getBlockByNumber","params":["{:#x}",true]}},)"
            R"({{"jsonrpc":"2.0","id":{},"method":"eth_getBlockReceipts","params":["{:#x}"]}})",
            i == 0 ? "" : ",", 2 * i, first + i, 2 * i + 1, first + i);
    }
    body += "]";
    return fmt::format(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
        "{}\r\n\r\n{}",
        body.size(), body);
}

/// Reads one answer to its end and returns the size of its body.
std::size_t read_answer(int fd, std::vector<char>& buffer) {
    std::size_t have = 0;
    std::size_t headers = std::string_view::npos;
    std::size_t length = 0;
    std::size_t received = 0;
    while (headers == std::string_view::npos || received < headers + length) {
        // Only the headers are kept; the rest is read over the same place.
        const std::size_t at = headers == std::string_view::npos ? have : 0;
        const ssize_t n = ::recv(fd, buffer.data() + at, buffer.size() - at, 0);
        if (n <= 0) fail("the server closed the connection");
        received += static_cast<std::size_t>(n);
        if (headers != std::string_view::npos) continue;
        have += static_cast<std::size_t>(n);
        const std::string_view text(buffer.data(), have);
        const std::size_t end = text.find("\r\n\r\n");
        if (end == std::string_view::npos) continue;
        headers = end + 4;
        constexpr std::string_view kLength = "Content-Length: ";
        const std::size_t field = text.find(kLength);
        if (field == std::string_view::npos) fail("the answer has no Content-Length");
        std::from_chars(text.data() + field + kLength.size(), text.data() + end, length);
    }
    return length;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) fail("usage: replay_client PORT FIRST LAST BATCH SECONDS");
    const std::uint64_t first = std::strtoull(argv[2], nullptr, 10);
    const std::uint64_t last = std::strtoull(argv[3], nullptr, 10);
    const std::uint64_t batch = std::strtoull(argv[4], nullptr, 10);
    const double seconds = std::strtod(argv[5], nullptr);
    if (batch == 0 || last < first) fail("nothing to read");

    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::strtoul(argv[1], nullptr, 10)));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        fail(std::strerror(errno));

    std::vector<char> buffer(1U << 20U);
    const auto start = std::chrono::steady_clock::now();
    std::uint64_t bytes = 0;
    std::uint64_t blocks = 0;
    double elapsed = 0;
    for (std::uint64_t next = first; elapsed < seconds;) {
        const std::uint64_t count = std::min(batch, last - next + 1);
        const std::string text = request(next, count);
        if (::send(fd, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
            fail("cannot send");
        bytes += read_answer(fd, buffer);
        blocks += count;
        next = next + count > last ? first : next + count;
        elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    ::close(fd);
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto total = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    const double cpu = total(usage.ru_utime) + total(usage.ru_stime);
    fmt::print(
        R"({{"mb_per_s":{:.1f},"blocks_per_s":{:.1f},"bytes":{},"seconds":{:.2f},"client_cpu_s_per_gb":{:.3f}}})"
        "\n",
        static_cast<double>(bytes) / elapsed / 1e6, static_cast<double>(blocks) / elapsed, bytes, elapsed,
        cpu / (static_cast<double>(bytes) / 1e9));
    return 0;
}
