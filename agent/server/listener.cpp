// SPDX-License-Identifier: Apache-2.0
#include "agent/server/listener.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace rollo::server {
namespace {

/// At most so many in one turn of the loop: the others get their turn too.
constexpr int acceptsPerTurn = 64;

[[noreturn]] void fail(const std::string& address, const char* what) {
    throw std::system_error(errno, std::generic_category(), address + ": " + what);
}

const sockaddr* generic(const sockaddr_storage& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

/// A socket file stays when its process dies; it is in the way only if somebody still answers.
void removeDeadSocket(const ListenAddress& address) {
    // The kernel refuses a connection to a file that is no socket in the same way.
    struct stat file{};
    if (::lstat(address.path().c_str(), &file) != 0 || !S_ISSOCK(file.st_mode)) return;
    const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) return;
    const bool refused =
        ::connect(probe, generic(address.address), address.length) < 0 && errno == ECONNREFUSED;
    ::close(probe);
    if (refused) ::unlink(address.path().c_str());
}

int spareDescriptor() {
    return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

}  // namespace

Listener::Listener(Loop& loop, const ListenAddress& address, Accepted accepted, Exhausted exhausted)
    : address_(address), accepted_(std::move(accepted)), exhausted_(std::move(exhausted)) {
    const int family = address_.address.ss_family;
    fd_ = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) fail(address_.text, "socket");
    const int on = 1;
    if (address_.isUnix())
        removeDeadSocket(address_);
    else
        ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (family == AF_INET6) ::setsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    const bool listens = ::bind(fd_, generic(address_.address), address_.length) == 0 &&
                         (!address_.isUnix() || ::chmod(address_.path().c_str(), 0660) == 0) &&
                         ::listen(fd_, SOMAXCONN) == 0;
    if (!listens) {
        const int error = errno;
        ::close(fd_);
        errno = error;
        fail(address_.text, "cannot listen");
    }
    spare_ = spareDescriptor();
    watch_ = loop.onReadable(fd_, [this] { accept(); });
}

Listener::~Listener() {
    watch_.reset();
    ::close(fd_);
    if (spare_ >= 0) ::close(spare_);
    if (address_.isUnix()) ::unlink(address_.path().c_str());
}

std::string Listener::text() const {
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    if (address_.isUnix() || ::getsockname(fd_, reinterpret_cast<sockaddr*>(&bound), &length) != 0)
        return address_.text;
    const bool v4 = bound.ss_family == AF_INET;
    const auto port = ntohs(v4 ? reinterpret_cast<const sockaddr_in&>(bound).sin_port
                               : reinterpret_cast<const sockaddr_in6&>(bound).sin6_port);
    const char* prefix = address_.tls ? "tls:" : "";
    return v4 ? fmt::format("{}{}:{}", prefix, hostText(bound), port)
              : fmt::format("{}[{}]:{}", prefix, hostText(bound), port);
}

void Listener::accept() {
    for (int i = 0; i < acceptsPerTurn; ++i) {
        sockaddr_storage peer{};
        socklen_t length = sizeof peer;
        const int fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(&peer), &length,
                                 SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            const bool exhausted = errno == EMFILE || errno == ENFILE;
            if (!exhausted || spare_ < 0) return;
            // Without this the connection waits for ever and the loop spins on it.
            ::close(spare_);
            ::close(::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC));
            spare_ = spareDescriptor();
            return exhausted_();
        }
        if (!address_.isUnix()) {
            const int on = 1;
            ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        }
        accepted_(fd, peer);
    }
}

}  // namespace rollo::server
