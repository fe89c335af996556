// SPDX-License-Identifier: Apache-2.0
/// Many WebSocket clients in one process, which read and count and do nothing else.
///
///   load_generator PORT PATH TICK_FD SERVER_PID
///
/// Each line of standard input is a command, answered on standard output when it is done:
///   connect COUNT GREETINGS        opens so many more and waits for so many messages to each;
///                                  answered by the CPU time of the server in nanoseconds
///   ticks COUNT MESSAGES LINE...   writes LINE to TICK_FD and waits until each client has had so
///                                  many more messages, COUNT times; answered by the messages and
///                                  bytes that came, and the CPU time of the server in nanoseconds
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::chrono::seconds longestWait{30};
/// So many connections are under way at once: a listener's backlog is no subject here.
constexpr int connectsAtOnce = 100;

[[noreturn]] void die(const std::string& what) {
    std::fprintf(stderr, "load_generator: %s: %s\n", what.c_str(), std::strerror(errno));
    std::exit(EXIT_FAILURE);
}

/// Counts the frames of a server in a stream of bytes (RFC 6455 §5.2, not masked).
class FrameCounter {
  public:
    /// Returns how many frames ended in these bytes.
    std::uint64_t take(std::string_view bytes) {
        std::uint64_t ended = 0;
        while (!bytes.empty()) {
            if (left_ == 0 && !readHeader(bytes)) return ended;
            const auto part = std::min<std::uint64_t>(left_, bytes.size());
            bytes.remove_prefix(part);
            left_ -= part;
            if (left_ == 0) ++ended;
        }
        return ended;
    }

  private:
    /// False: the header is not complete yet.
    bool readHeader(std::string_view& bytes) {
        while (!bytes.empty()) {
            header_[have_++] = static_cast<unsigned char>(bytes.front());
            bytes.remove_prefix(1);
            if (have_ < 2) continue;
            const unsigned length = header_[1] & 0x7fu;
            const std::size_t extended = length == 127 ? 8 : length == 126 ? 2 : 0;
            if (have_ < 2 + extended) continue;
            left_ = extended == 0 ? length : 0;
            for (std::size_t i = 0; i < extended; ++i) left_ = left_ << 8 | header_[2 + i];
            have_ = 0;
            return true;
        }
        return false;
    }

    std::array<unsigned char, 10> header_{};
    std::size_t have_ = 0;
    std::uint64_t left_ = 0;
};

struct Client {
    int fd = -1;
    bool open = false;
    std::string head;  ///< of the server's answer, until it is whole
    FrameCounter frames;
};

class Generator {
  public:
    Generator(char** arguments)
        : port_(static_cast<std::uint16_t>(std::atoi(arguments[0]))),
          path_(arguments[1]),
          tickFd_(std::atoi(arguments[2])) {
        if (::clock_getcpuclockid(std::atoi(arguments[3]), &serverClock_) != 0) die("CPU clock");
    }

    void connect(int count, std::uint64_t greetings) {
        const std::uint64_t before = serverCpu();
        for (; count > 0; count -= connectsAtOnce) {
            for (int i = 0; i < std::min(count, connectsAtOnce); ++i) open();
            await([this] { return open_ == clients_.size(); });
        }
        greeted_ += greetings * (clients_.size() - greetedClients_);
        greetedClients_ = clients_.size();
        await([this] { return messages_ == greeted_; });
        messages_ = greeted_ = bytes_ = 0;
        std::printf("%lu\n", serverCpu() - before);
    }

    void ticks(int count, std::uint64_t each, const std::string& line) {
        messages_ = bytes_ = 0;
        const std::uint64_t before = serverCpu();
        for (int tick = 1; tick <= count; ++tick) {
            if (::write(tickFd_, line.data(), line.size()) < 0) die("tick");
            const auto due = static_cast<std::uint64_t>(tick) * each * clients_.size();
            await([&] { return messages_ >= due; });
        }
        std::printf("%lu %lu %lu\n", messages_, bytes_, serverCpu() - before);
        messages_ = 0;
    }

  private:
    std::uint64_t serverCpu() const {
        timespec time{};
        ::clock_gettime(serverClock_, &time);
        return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u +
               static_cast<std::uint64_t>(time.tv_nsec);
    }

    void open() {
        clients_.push_back(std::make_unique<Client>());
        Client& client = *clients_.back();
        client.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port_);
        if (::connect(client.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
            die("connect");
        const std::string request = "GET " + path_ +
                                    " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                                    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        if (::write(client.fd, request.data(), request.size()) < 0) die("handshake");
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &client;
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, client.fd, &event) < 0) die("epoll_ctl");
    }

    /// Never sleeps: else it would depend on how far behind it is whether a send has to wake it,
    /// which is part of what the send costs the server.
    template <class Done>
    void await(Done done) {
        std::array<epoll_event, 256> events;
        const auto until = std::chrono::steady_clock::now() + longestWait;
        while (!done()) {
            const int count = ::epoll_wait(epoll_, events.data(), events.size(), 0);
            if (count < 0 && errno != EINTR) die("epoll_wait");
            if (count == 0 && std::chrono::steady_clock::now() > until) {
                errno = ETIMEDOUT;
                die("what is due does not come");
            }
            for (int i = 0; i < count; ++i)
                read(*static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr));
        }
    }

    void read(Client& client) {
        const auto got = ::recv(client.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (got <= 0) die("a connection has ended");
        std::string_view bytes(buffer_.data(), static_cast<std::size_t>(got));
        if (client.open) return count(client, bytes);
        client.head += bytes;
        const auto end = client.head.find("\r\n\r\n");
        if (end == std::string::npos) return;
        if (!client.head.starts_with("HTTP/1.1 101")) die(client.head);
        client.open = true;
        ++open_;
        count(client, std::string_view(client.head).substr(end + 4));
        std::string().swap(client.head);
    }

    void count(Client& client, std::string_view bytes) {
        bytes_ += bytes.size();
        messages_ += client.frames.take(bytes);
    }

    std::uint16_t port_;
    std::string path_;
    int tickFd_;
    clockid_t serverClock_{};
    int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    std::vector<std::unique_ptr<Client>> clients_;
    std::size_t open_ = 0;
    std::size_t greetedClients_ = 0;
    std::uint64_t greeted_ = 0;
    std::uint64_t messages_ = 0;
    std::uint64_t bytes_ = 0;
    std::vector<char> buffer_ = std::vector<char>(256 * 1024);
};

}  // namespace

int main(int count, char** arguments) {
    if (count != 5) {
        std::fprintf(stderr, "usage: load_generator PORT PATH TICK_FD SERVER_PID\n");
        return 2;
    }
    Generator generator(arguments + 1);
    std::string command;
    int many = 0;
    std::uint64_t messages = 0;
    while (std::cin >> command >> many >> messages) {
        std::string line;
        std::getline(std::cin, line);
        if (command == "connect")
            generator.connect(many, messages);
        else
            generator.ticks(many, messages, line.substr(1) + "\n");
        std::fflush(stdout);
    }
}
