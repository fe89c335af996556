// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/connection.hpp"

#include <exception>
#include <thread>
#include <utility>

#include "agent/virt/error.hpp"
#include "common/log.hpp"

namespace rollo::virt {

namespace {

using CloseCallback = std::function<void(int)>;

void onClosed(virConnectPtr, int reason, void* opaque) noexcept {
    try {
        (*static_cast<CloseCallback*>(opaque))(reason);
    } catch (const std::exception& error) {
        common::log::error("the end of a libvirt connection was lost: {}", error.what());
    } catch (...) {
    }
}

void freeCloseCallback(void* opaque) noexcept {
    delete static_cast<CloseCallback*>(opaque);
}

ConnectHandle open(const Settings& settings, Access access) {
    const char* uri = settings.uri.c_str();
    return ConnectHandle(access == Access::readOnly
                             ? check(virConnectOpenReadOnly(uri), "virConnectOpenReadOnly")
                             : check(virConnectOpen(uri), "virConnectOpen"));
}

}  // namespace

Connection::Connection(const Settings& settings, Access access) : handle_(open(settings, access)) {
    // Drivers that live in this process need no keepalive and answer 1 or an error.
    virConnectSetKeepAlive(get(), settings.keepAliveIntervalSeconds, settings.keepAliveCount);
}

Connection::~Connection() {
    events_.reset();
    if (closeCallback_) virConnectUnregisterCloseCallback(get(), onClosed);
}

bool Connection::alive() const {
    return virConnectIsAlive(get()) == 1;
}

void Connection::onClose(std::function<void(int reason)> callback) {
    auto context = std::make_unique<CloseCallback>(std::move(callback));
    if (virConnectRegisterCloseCallback(get(), onClosed, context.get(), freeCloseCallback) < 0)
        return;
    static_cast<void>(context.release());  // libvirt's now
    closeCallback_ = true;
}

void Connection::listen(const std::shared_ptr<EventSink>& sink) {
    events_.emplace(get(), sink);
}

void closeElsewhere(std::unique_ptr<Connection> connection) {
    if (!connection) return;
    std::thread([connection = std::move(connection)] {}).detach();
}

}  // namespace rollo::virt
