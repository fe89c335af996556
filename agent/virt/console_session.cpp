// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/console_session.hpp"

#include <libvirt/virterror.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <thread>
#include <utility>

#include "agent/virt/console_log.hpp"
#include "agent/virt/domain_xml.hpp"
#include "common/log.hpp"

namespace rollo::virt {

namespace log = common::log;

namespace {

constexpr std::size_t largestPiece = 1024;
/// Pieces that libvirtd reads beyond what the device has taken (`max_client_requests`).
constexpr std::size_t mostUnfinished = 5;

/// Waits behind what the device has not taken yet; then libvirtd's own keepalive ends that.
void release(StreamHandle stream, std::unique_ptr<Connection> connection) {
    if (stream) virStreamAbort(stream.get());
    stream.reset();
    connection.reset();
}

/// Libvirtd may not read this connection while the device takes nothing: a keepalive of ours would
/// take that for a dead daemon.
Settings withoutKeepAlive(Settings settings) {
    settings.keepAliveIntervalSeconds = 0;
    return settings;
}

/// Once: it is tried again and again.
void warnOfDenial(const LibvirtError& error) {
    static std::atomic_flag warned;
    if (warned.test_and_set()) return;
    log::warning(
        "libvirt does not let the agent open consoles: see `rollo-agent console enable` ({})",
        error.what());
}

DomainHandle lookUp(virConnectPtr connection, const proto::Uuid& uuid) {
    return DomainHandle(
        check(virDomainLookupByUUID(connection, uuid.bytes.data()), "virDomainLookupByUUID"));
}

}  // namespace

ConsoleSession::ConsoleSession(core::StreamId id, Target target, const Settings& settings,
                               std::shared_ptr<ConsoleReader> reader)
    : id_(id),
      target_(std::move(target)),
      settings_(withoutKeepAlive(settings)),
      reader_(std::move(reader)) {}

ConsoleSession::~ConsoleSession() {
    reader_->stop();
    appetite_.reset();
    if (!connection_) return;
    std::thread([stream = std::move(stream_), connection = std::move(connection_)]() mutable {
        release(std::move(stream), std::move(connection));
    }).detach();
}

void ConsoleSession::open() {
    std::optional<core::ConsoleLog> logEnd;
    try {
        if (target_.log) logEnd = readConsoleLogEnd(target_.log->path);
        if (logEnd) logInode_ = logEnd->inode;
        connection_ = std::make_unique<Connection>(settings_, Access::readWrite);
        connection_->onClose([reader = reader_](int) { reader->end(); });
        DomainHandle domain = lookUp(connection_->get(), target_.vm);
        openStream(domain.get());
        appetite_.emplace(std::move(domain), reader_->printed());
        if (settle()) reader_->start(stream_.get(), std::move(logEnd));
    } catch (const LibvirtError& error) {
        log::debug("console {} cannot be opened: {}", target_.alias, error.what());
        if (error.isDenied()) warnOfDenial(error);
        fail(failureOf(error), std::move(logEnd));
    }
}

void ConsoleSession::openStream(virDomainPtr domain) {
    StreamHandle stream(
        check(virStreamNew(connection_->get(), VIR_STREAM_NONBLOCK), "virStreamNew"));
    // SAFE: a driver that would let several have the device at once must refuse.
    unsigned flags = VIR_DOMAIN_CONSOLE_SAFE;
    if (target_.force) flags |= VIR_DOMAIN_CONSOLE_FORCE;
    check(virDomainOpenConsole(domain, target_.alias.c_str(), stream.get(), flags),
          "virDomainOpenConsole");
    stream_ = std::move(stream);
}

/// Libvirt has codes of their own for a device that is taken and a domain that does not run. All
/// that it finds wrong with the device is an internal error, which the XML explains.
core::ConsoleFailure ConsoleSession::failureOf(const LibvirtError& error) const {
    using core::ConsoleFailure;
    if (error.isDenied()) return ConsoleFailure::denied;
    if (error.domainIsGone() || error.code() == VIR_ERR_OPERATION_INVALID)
        return ConsoleFailure::notRunning;
    if (error.code() == VIR_ERR_OPERATION_FAILED) return ConsoleFailure::inUse;
    if (error.code() != VIR_ERR_INTERNAL_ERROR || !connection_ || !connection_->alive())
        return ConsoleFailure::libvirt;
    try {
        const DomainHandle domain = lookUp(connection_->get(), target_.vm);
        const TextHandle text(check(virDomainGetXMLDesc(domain.get(), 0), "virDomainGetXMLDesc"));
        const auto xml = readDomainXml(text.get());
        if (!xml) return ConsoleFailure::libvirt;
        const auto found =
            std::ranges::find(xml->consoles, target_.alias, &core::ConsoleDevice::alias);
        if (found == xml->consoles.end()) return ConsoleFailure::noSuchDevice;
        return found->openable() ? ConsoleFailure::libvirt : ConsoleFailure::notOpenable;
    } catch (const LibvirtError&) {
        return ConsoleFailure::libvirt;
    }
}

void ConsoleSession::fail(core::ConsoleFailure failure, std::optional<core::ConsoleLog> log) {
    if (settle()) reader_->tellLater(core::ConsoleFailed{id_, failure, std::move(log)});
    close();
}

void ConsoleSession::send(std::string_view bytes) {
    if (!stream_) return;
    while (!bytes.empty() && !abandoned_) {
        if (!sendPiece(bytes)) return reader_->end();
        // Libvirtd has read the piece when this answers. If the guest runs no more the stream will
        // end by itself, and what is left is lost.
        if (!appetite_->wait(abandoned_)) return;
    }
    reader_->inputTaken();
}

bool ConsoleSession::sendPiece(std::string_view& rest) {
    reader_->inputInDoubt(std::accumulate(lastPieces_.begin(), lastPieces_.end(), rest.size()));
    const int sent = virStreamSend(stream_.get(), rest.data(), std::min(rest.size(), largestPiece));
    if (sent == -1) return false;
    if (sent > 0) {
        rest.remove_prefix(static_cast<std::size_t>(sent));
        appetite_->sent(static_cast<std::size_t>(sent));
        lastPieces_.push_back(static_cast<std::size_t>(sent));
        if (lastPieces_.size() > mostUnfinished) lastPieces_.pop_front();
    }
    return true;
}

void ConsoleSession::readLog(std::uint64_t from) {
    std::optional<core::ConsoleLog> read;
    if (target_.log && logInode_) read = readConsoleLogFrom(target_.log->path, from, *logInode_);
    reader_->tellLater(core::ConsoleLogRead{id_, std::move(read)});
}

void ConsoleSession::close() {
    reader_->stop();
    appetite_.reset();
    release(std::move(stream_), std::move(connection_));
}

}  // namespace rollo::virt
