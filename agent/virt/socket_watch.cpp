// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/socket_watch.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <string_view>
#include <utility>

namespace rollo::virt {

namespace {

/// The value of a parameter in the query part. Sockets' paths need no decoding in practice.
std::string queryValue(const std::string& uri, std::string_view name) {
    const auto query = uri.find('?');
    if (query == std::string::npos) return {};
    std::string_view rest = std::string_view(uri).substr(query + 1);
    while (!rest.empty()) {
        const auto end = std::min(rest.find('&'), rest.size());
        const std::string_view pair = rest.substr(0, end);
        if (pair.starts_with(name) && pair.substr(name.size()).starts_with('='))
            return std::string(pair.substr(name.size() + 1));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return {};
}

std::vector<std::string> candidates(const std::string& uri) {
    if (std::string socket = queryValue(uri, "socket"); !socket.empty()) return {socket};
    const auto plain = uri.substr(0, uri.find('?'));
    std::string directory = "/run/libvirt";
    if (plain.ends_with("/session")) {
        const char* runtime = std::getenv("XDG_RUNTIME_DIR");
        if (!runtime) return {};
        directory = fmt::format("{}/libvirt", runtime);
    } else if (!plain.ends_with("/system")) {
        return {};
    }
    const std::string driver = plain.substr(0, plain.find_first_of(":+"));
    return {directory + "/libvirt-sock", directory + "/libvirt-sock-ro",
            fmt::format("{}/virt{}d-sock", directory, driver),
            fmt::format("{}/virt{}d-sock-ro", directory, driver)};
}

}  // namespace

SocketWatch::SocketWatch(const std::string& uri) : paths_(candidates(uri)), last_(signature()) {}

std::string SocketWatch::signature() const {
    std::string all;
    for (const auto& path : paths_) {
        struct stat file{};
        if (stat(path.c_str(), &file) != 0) continue;
        all += fmt::format("{}:{}:{}.{} ", path, file.st_ino, file.st_ctim.tv_sec,
                           file.st_ctim.tv_nsec);
    }
    return all;
}

bool SocketWatch::changed() {
    std::string now = signature();
    const bool appeared = now != last_ && now.size() >= last_.size();
    last_ = std::move(now);
    return appeared;
}

}  // namespace rollo::virt
