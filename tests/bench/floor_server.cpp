// SPDX-License-Identifier: Apache-2.0
/// The least that a fan-out can cost: prebuilt frames, one send() for each client and tick, epoll.
/// No parsing, no filters, no queues. What the agent costs beyond this is its own.
///
/// Each line of standard input is a tick: `send COUNT BYTES`, so many frames of so many bytes.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

/// The answer to the key of RFC 6455 §1.3, which the load generator sends.
constexpr std::string_view handshake =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

struct Client {
    int fd;
    bool open = false;
    std::string rest;  ///< what a full socket did not take
};

[[noreturn]] void die(const char* what) {
    std::perror(what);
    std::exit(EXIT_FAILURE);
}

/// One unfragmented, unmasked text frame of `size` bytes in all (RFC 6455 §5.2).
std::string frame(std::size_t size) {
    const std::size_t payload = size - 4;
    std::string bytes = "\x81\x7e";
    bytes += static_cast<char>(payload >> 8);
    bytes += static_cast<char>(payload & 0xff);
    return bytes + std::string(payload, 'x');
}

class Floor {
  public:
    void run() {
        watch(listener_, EPOLLIN, nullptr);
        watch(STDIN_FILENO, EPOLLIN, &input_);
        std::array<epoll_event, 256> events;
        while (true) {
            const int count = ::epoll_wait(epoll_, events.data(), events.size(), -1);
            for (int i = 0; i < count; ++i) {
                auto* client = static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr);
                if (!client)
                    accept();
                else if (client == &input_)
                    tick();
                else
                    serve(*client, events[static_cast<std::size_t>(i)].events);
            }
        }
    }

    void listen() {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        if (::bind(listener_, generic, length) < 0 || ::listen(listener_, SOMAXCONN) < 0)
            die("listen");
        ::getsockname(listener_, generic, &length);
        std::fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    }

  private:
    void watch(int fd, std::uint32_t events, void* whose, int how = EPOLL_CTL_ADD) {
        epoll_event event{};
        event.events = events;
        event.data.ptr = whose;
        if (::epoll_ctl(epoll_, how, fd, &event) < 0) die("epoll_ctl");
    }

    void accept() {
        while (true) {
            const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) return;
            const int on = 1;
            ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            clients_.push_back(std::make_unique<Client>(fd));
            watch(fd, EPOLLIN, clients_.back().get());
        }
    }

    void serve(Client& client, std::uint32_t events) {
        if (events & EPOLLOUT) {
            const std::string waiting = std::exchange(client.rest, {});
            send(client, waiting);
            if (client.rest.empty()) watch(client.fd, EPOLLIN, &client, EPOLL_CTL_MOD);
        }
        if (!(events & ~static_cast<std::uint32_t>(EPOLLOUT))) return;
        std::array<char, 4096> bytes;
        if (::recv(client.fd, bytes.data(), bytes.size(), 0) <= 0) std::exit(EXIT_SUCCESS);
        if (!client.open) send(client, handshake);
        client.open = true;
    }

    void send(Client& client, std::string_view bytes) {
        const auto sent = ::send(client.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) die("send");
        const auto taken = static_cast<std::size_t>(sent < 0 ? 0 : sent);
        if (taken == bytes.size()) return;
        client.rest = bytes.substr(taken);
        watch(client.fd, EPOLLIN | EPOLLOUT, &client, EPOLL_CTL_MOD);
    }

    void tick() {
        std::array<char, 64> line{};
        const auto got = ::read(STDIN_FILENO, line.data(), line.size() - 1);
        if (got <= 0) std::exit(EXIT_SUCCESS);
        std::size_t count = 0;
        std::size_t size = 0;
        if (std::sscanf(line.data(), "send %zu %zu", &count, &size) != 2) die("command");
        if (count != count_ || size != size_) prebuild(count, size);
        for (const auto& client : clients_) {
            if (client->rest.empty())
                send(*client, bytes_);
            else
                client->rest += bytes_;
        }
    }

    void prebuild(std::size_t count, std::size_t size) {
        count_ = count;
        size_ = size;
        bytes_.clear();
        for (std::size_t i = 0; i < count; ++i) bytes_ += frame(size);
    }

    int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    Client input_{STDIN_FILENO};
    std::vector<std::unique_ptr<Client>> clients_;
    std::size_t count_ = 0;
    std::size_t size_ = 0;
    std::string bytes_;
};

}  // namespace

int main() {
    Floor floor;
    floor.listen();
    floor.run();
}
