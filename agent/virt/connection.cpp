// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/connection.hpp"

#include <exception>
#include <thread>
#include <utility>

#include "agent/virt/error.hpp"
#include "common/log.hpp"

namespace rollo::virt {

struct CloseContext {
    std::function<void(int)> callback;
    std::shared_ptr<std::atomic<bool>> freed;
};

namespace {

void onClosed(virConnectPtr, int reason, void* opaque) noexcept {
    try {
        static_cast<CloseContext*>(opaque)->callback(reason);
    } catch (const std::exception& error) {
        common::log::error("the end of a libvirt connection was lost: {}", error.what());
    } catch (...) {
    }
}

void freeCloseContext(void* opaque) noexcept {
    auto* context = static_cast<CloseContext*>(opaque);
    context->freed->store(true);
    delete context;
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
    if (!closeContext_) return;
    virConnectUnregisterCloseCallback(get(), onClosed);
    handle_.reset();
    // A driver without a daemon says yes to the callback, forgets it, and never frees it.
    if (!closeContextFreed_->load()) delete closeContext_;
}

bool Connection::alive() const {
    return virConnectIsAlive(get()) == 1;
}

void Connection::onClose(std::function<void(int reason)> callback) {
    closeContextFreed_ = std::make_shared<std::atomic<bool>>(false);
    auto context =
        std::make_unique<CloseContext>(CloseContext{std::move(callback), closeContextFreed_});
    if (virConnectRegisterCloseCallback(get(), onClosed, context.get(), freeCloseContext) < 0)
        return;
    closeContext_ = context.release();
}

void Connection::listen(const std::shared_ptr<EventSink>& sink) {
    events_.emplace(get(), sink);
}

void closeElsewhere(std::unique_ptr<Connection> connection) {
    if (!connection) return;
    std::thread([connection = std::move(connection)] {}).detach();
}

}  // namespace rollo::virt
