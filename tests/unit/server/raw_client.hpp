// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "common/unique_fd.hpp"

namespace rollo::tests {

/// A WebSocket on a bare UNIX socket (RFC 6455), for what no well-behaved library does. Each wait
/// ends after some seconds with an exception.
class RawClient {
  public:
    enum Opcode : unsigned char {
        continuation = 0,
        text = 1,
        binary = 2,
        close = 8,
        ping = 9,
        pong = 10
    };
    struct Frame {
        unsigned char opcode;
        std::string payload;
    };

    RawClient(const std::string& path, const std::string& target, const std::string& headers = "")
        : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("cannot connect");
        const timeval patience{10, 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        waitForSending(std::chrono::seconds(10));
        write("GET " + target + " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n" +
              "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
              "Sec-WebSocket-Version: 13\r\n" + headers + "\r\n");
        while (pending_.find("\r\n\r\n") == pending_.npos && more()) {
        }
        const auto end = pending_.find("\r\n\r\n");
        head_ = pending_.substr(0, end);
        pending_.erase(0, end == pending_.npos ? end : end + 4);
    }

    /// How long to wait until the socket takes what is sent; beyond that an exception.
    void waitForSending(std::chrono::milliseconds time) {
        const timeval patience{time / std::chrono::seconds(1),
                               time % std::chrono::seconds(1) / std::chrono::microseconds(1)};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    }

    /// Status line and headers of the answer; empty where the connection was closed without one.
    const std::string& head() const { return head_; }
    int status() const { return head_.size() < 12 ? 0 : std::stoi(head_.substr(9, 3)); }

    void send(Opcode opcode, std::string_view payload, bool last = true) {
        std::string frame{static_cast<char>((last ? 0x80 : 0) | opcode)};
        const std::size_t size = payload.size();
        const std::size_t extended = size < 126 ? 0 : size < 65536 ? 2 : 8;
        frame += static_cast<char>(0x80 | (extended == 0 ? size : extended == 2 ? 126 : 127));
        for (std::size_t i = extended; i-- > 0;) frame += static_cast<char>(size >> (8 * i));
        frame += std::string(4, '\0');  // a mask that changes nothing
        frame += payload;
        write(frame);
    }

    /// The next frame; nothing at the end of the connection.
    std::optional<Frame> receive() {
        if (!have(2)) return std::nullopt;
        const auto opcode = static_cast<unsigned char>(pending_[0] & 0x0f);
        std::size_t size = static_cast<unsigned char>(pending_[1]) & 0x7f;
        const std::size_t extended = size < 126 ? 0 : size == 126 ? 2 : 8;
        if (!have(2 + extended)) return std::nullopt;
        if (extended > 0) size = 0;
        for (std::size_t i = 0; i < extended; ++i)
            size = size << 8 | static_cast<unsigned char>(pending_[2 + i]);
        if (!have(2 + extended + size)) return std::nullopt;
        Frame frame{opcode, pending_.substr(2 + extended, size)};
        pending_.erase(0, 2 + extended + size);
        return frame;
    }
    /// The payload of the next frame that has `part` in it.
    std::string receiveWith(std::string_view part) {
        while (auto frame = receive())
            if (frame->payload.find(part) != std::string::npos) return frame->payload;
        throw std::runtime_error("the connection ended before: " + std::string(part));
    }
    /// The payload of the next frame of that kind.
    std::string receive(Opcode opcode) {
        while (auto frame = receive())
            if (frame->opcode == opcode) return frame->payload;
        throw std::runtime_error("the connection ended");
    }
    /// Output in binary frames, until that much has come.
    std::string receiveBytes(std::size_t count) {
        std::string all;
        while (all.size() < count) all += receive(binary);
        return all;
    }

  private:
    void write(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent < 0) throw std::runtime_error("cannot send");
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    bool have(std::size_t bytes) {
        while (pending_.size() < bytes)
            if (!more()) return false;
        return true;
    }
    bool more() {
        char buffer[65536];
        const auto got = ::recv(fd_.get(), buffer, sizeof buffer, 0);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            throw std::runtime_error("nothing came for too long");
        if (got <= 0) return false;
        pending_.append(buffer, static_cast<std::size_t>(got));
        return true;
    }

    common::UniqueFd fd_;
    std::string head_;
    std::string pending_;
};

}  // namespace rollo::tests
