// SPDX-License-Identifier: Apache-2.0
#include "agent/server/server.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <libwebsockets.h>

#include "agent/server/gate.hpp"
#include "agent/server/stats_report.hpp"
#include "agent/server/ws_protocol.hpp"
#include "common/log.hpp"

namespace rollo::server {
namespace {

namespace log = common::log;

/// The loop looks at its input again after so much flushing.
constexpr std::chrono::milliseconds flushFor{2};
/// Descriptors for everything but clients: libvirt, files, listeners.
constexpr rlim_t reservedDescriptors = 128;
/// More than this a process never needs.
constexpr rlim_t mostDescriptors = 1 << 20;
/// In seconds: more than anybody is given.
constexpr int libraryPatience = 4000;

void fromLibrary(int level, const char* line) {
    std::string_view text(line);
    while (text.ends_with('\n')) text.remove_suffix(1);
    // Its errors are mostly what strangers sent: nothing that this host's administrator can mend.
    log::write(level == LLL_ERR ? log::Level::debug : log::Level::trace, text);
}

/// Sessions look after their heartbeat themselves. Libwebsockets has a timer of its own for each
/// connection, in one sorted list that it walks whenever something arrives.
constexpr lws_retry_bo_t noIdleTimers{};

/// How many descriptors clients may have of the `wanted` ones; raises the process's own limit
/// (setrlimit(2)) as far as that takes. Libwebsockets has a table of as many places as that allows
/// (told to have fewer, it would search the table with every event), so that it is lowered as well
/// where it is as good as none.
std::size_t descriptorsFor(std::size_t wanted) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::min<std::size_t>(wanted, 896);
    const rlim_t needed = std::min<rlim_t>(wanted + reservedDescriptors, limit.rlim_max);
    if (limit.rlim_cur < needed || limit.rlim_cur > mostDescriptors) {
        limit.rlim_cur = std::max(needed, std::min(limit.rlim_cur, mostDescriptors));
        ::setrlimit(RLIMIT_NOFILE, &limit);
        ::getrlimit(RLIMIT_NOFILE, &limit);
    }
    const rlim_t soft = limit.rlim_cur;
    const rlim_t left = soft > 2 * reservedDescriptors ? soft - reservedDescriptors : soft / 2;
    return std::min<std::size_t>(wanted, left);
}

/// Beyond the descriptors nobody could be let in, and nobody told why.
Admission::Limits bounded(Admission::Limits limits) {
    const std::size_t possible = descriptorsFor(limits.connections);
    if (possible < limits.connections)
        log::warning("not {} but {} clients may connect: the limit of open files is lower",
                     limits.connections, possible);
    limits.connections = possible;
    return limits;
}

/// A proxy's clients count for their addresses, when it is known who they are.
std::optional<Address> countedFor(const Peer& peer) {
    return peer.proxy ? std::nullopt : peer.address;
}

/// What who is not let in reads.
std::string turnAwayText(Refused reason) {
    Reply reply = turnAwayReply(reason);
    reply.headers += "connection: close\r\n";
    return head(reply) + reply.body;
}

}  // namespace

Server::Server(Settings settings, Loop& loop, core::Hub& hub, const core::HostState& state,
               core::Consoles& consoles, auth::TokenVerifier verifier, std::optional<TlsFiles> tls)
    : services_{std::move(settings), hub, state, consoles, std::move(verifier), {}, {}},
      loop_(loop),
      turnedAway_(loop) {
    services_.admission.setLimits(bounded(services_.settings.admission));
    onStats([](proto::WebsocketStats&, const common::Now&) {});
    lws_set_log_level(LLL_ERR | LLL_WARN, fromLibrary);
    if (tls) tls_ = std::make_unique<Tls>(std::move(*tls));
    services_.tls = tls_.get();
    void* foreign[] = {loop_.native()};
    lws_context_creation_info info{};
    info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
    info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    if (tls_) info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.foreign_loops = foreign;
    info.user = tls_.get();
    info.pcontext = &context_;
    // Libwebsockets writes it into its own answers to what is no HTTP, and asserts that there is
    // one.
    info.server_string = "rollo-agent";
    context_ = lws_create_context(&info);
    if (!context_)
        throw std::runtime_error(
            "libwebsockets cannot be started; its event loop for libuv may be missing "
            "(Debian: libwebsockets-evlib-uv)");
    createHost(false);
    if (tls_) createHost(true);
}

void Server::createHost(bool tls) {
    lws_context_creation_info host{};
    host.port = CONTEXT_PORT_NO_LISTEN_SERVER;
    host.vhost_name = tls ? "rollo-tls" : "rollo";
    host.protocols = wsProtocols();
    host.retry_and_idle_policy = &noIdleTimers;
    // Connection looks after these times itself, so that they are counted.
    host.timeout_secs = libraryPatience;
    host.timeout_secs_ah_idle = libraryPatience;
    host.keepalive_timeout = libraryPatience;
    host.server_string = "rollo-agent";
    host.alpn = "http/1.1";
    // The certificate comes from `tls_`, by way of a callback.
    if (tls)
        host.options =
            LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX;
    auto*& created = tls ? tlsHost_ : plainHost_;
    created = lws_create_vhost(context_, &host);
    if (!created) throw std::runtime_error("libwebsockets cannot create its virtual host");
}

Server::~Server() {
    services_.tls = nullptr;  // what ends now has not failed
    listeners_.clear();
    turnedAway_.clear();
    // With a loop of our own the library's handles are closed by that loop's next turns; only then
    // can a second call free what is left, after which `pcontext` is null.
    lws_context_destroy(context_);
    if (loop_.drain(std::chrono::milliseconds(300)) && context_) lws_context_destroy(context_);
}

void Server::listen() {
    for (const auto& address : services_.settings.listen) listenAt(address, false);
    if (const auto& socket = services_.settings.publish.socket) listenAt(*socket, true);
}

void Server::listenAt(const ListenAddress& address, bool publisher) {
    listeners_.push_back(std::make_unique<Listener>(
        loop_, address,
        [this, address, publisher](int fd, const sockaddr_storage& from) {
            const auto peer = addressOf(from);
            accept(fd, {hostText(from), peer, address.tls, publisher,
                        !publisher && isProxy(address, peer)});
        },
        [this] { noDescriptor(); }));
    log::info("listening on {}{}", listeners_.back()->text(),
              publisher ? " for publishing alone" : "");
}

bool Server::isProxy(const ListenAddress& listener, const std::optional<Address>& peer) const {
    const TrustedProxies& trusted = services_.settings.trustedProxies;
    return peer ? trusted.contains(*peer) : trusted.containsSocket(listener.path());
}

void Server::reconfigure(const Settings& settings) {
    services_.settings.anonymous = settings.anonymous;
    services_.settings.publicMetrics = settings.publicMetrics;
    services_.settings.allowedHosts = settings.allowedHosts;
    services_.settings.allowedOrigins = settings.allowedOrigins;
    services_.settings.clients = settings.clients;
    services_.settings.budget = settings.budget;
    auto& terms = services_.settings.terms;
    terms.messagesPerSecond = settings.terms.messagesPerSecond;
    terms.bytesPerSecond = settings.terms.bytesPerSecond;
    terms.errorsPerMinute = settings.terms.errorsPerMinute;
    services_.settings.requestTime = settings.requestTime;
    services_.settings.responseTime = settings.responseTime;
    services_.settings.authTime = settings.authTime;
    services_.settings.connectionsPerUser = settings.connectionsPerUser;
    services_.settings.tokenFailuresPerMinute = settings.tokenFailuresPerMinute;
    services_.settings.ticketsPerUser = settings.ticketsPerUser;
    services_.settings.trustedProxies = settings.trustedProxies;
    services_.settings.publish.maxBytes = settings.publish.maxBytes;
    services_.settings.publish.eventsPerSecond = settings.publish.eventsPerSecond;
    auto limits = settings.admission;
    limits.connections = services_.admission.limits().connections;
    services_.admission.setLimits(std::move(limits));
}

void Server::use(auth::TokenVerifier verifier) {
    services_.verifier = std::move(verifier);
}

void Server::use(TlsFiles files) {
    if (tls_) tls_->use(std::move(files));
}

void Server::endRevoked() {
    const auto ended = std::ranges::count_if(connections_, [](const auto& connection) {
        Session* session = connection->session();
        return session && session->endIfRevoked();
    });
    if (ended > 0) log::notice("{} connections of those who may not be here any more end", ended);
}

void Server::accept(int fd, Peer peer) {
    const bool tls = peer.tls;
    const common::Monotonic now = common::readClocks().mono;
    const auto refused = services_.admission.admit(countedFor(peer), now);
    if (!refused) return adopt(fd, std::move(peer));
    services_.refusals.note(*refused, peer.text, now);
    // There is nothing to say before a handshake, which would cost more than it tells.
    turnedAway_.add(common::UniqueFd(fd), tls ? std::string() : turnAwayText(*refused), now);
}

void Server::adopt(int fd, Peer peer) {
    ++services_.counters.accepted;
    connections_.push_back(
        std::make_unique<Connection>(services_, std::move(peer), connections_.size(),
                                     [this](Connection& connection) { forget(connection); }));
    Connection* connection = connections_.back().get();
    lws_adopt_desc_t info{};
    const bool tls = connection->peer().tls;
    info.vh = tls ? tlsHost_ : plainHost_;
    info.type = static_cast<lws_adoption_type>(LWS_ADOPT_HTTP | LWS_ADOPT_SOCKET |
                                               (tls ? LWS_ADOPT_ALLOW_SSL : 0));
    info.fd.sockfd = fd;
    info.opaque = connection;
    if (tls) connection->awaitHandshake(fd);
    const std::size_t before = connections_.size();
    lws* socket = lws_adopt_descriptor_vhost_via_info(&info);
    // A handshake may have failed already; then the connection is gone, whatever was answered.
    if (connections_.size() != before) return;
    if (socket)
        connection->begin(socket);
    else
        connection->abandon();
}

void Server::noDescriptor() {
    services_.refusals.note(Refused::descriptors, "a client", common::readClocks().mono);
}

void Server::forget(Connection& connection) {
    services_.admission.leave(countedFor(connection.peer()));
    const std::size_t place = connection.place();
    connections_[place].swap(connections_.back());
    connections_[place]->move(place);
    connections_.pop_back();
}

void Server::tick(const common::Now& now) {
    services_.refusals.tick(now.mono);
    services_.admission.tick(now.mono);
    turnedAway_.tick(now.mono);
    services_.publishRates.tick(services_.settings.publish.eventsPerSecond, now.mono);
    services_.tickets.tick(now.mono);
    services_.tokenFailures.tick(services_.settings.tokenFailuresPerMinute, now.mono);
    // From the end: whoever goes is replaced by the last.
    for (std::size_t i = connections_.size(); i-- > 0;) {
        connections_[i]->tick(now);
        if (!connections_[i]->isLost(now)) continue;
        noDescriptor();
        forget(*connections_[i]);
    }
    services_.stats.tick(now);
}

bool Server::flush() {
    if (services_.held) return false;
    const auto end = std::chrono::steady_clock::now() + flushFor;
    auto& dirty = services_.dirty;
    std::size_t done = 0;
    while (done < dirty.size()) {
        dirty[done++]->flush();
        if (done % 16 == 0 && std::chrono::steady_clock::now() > end) break;
    }
    dirty.erase(dirty.begin(), dirty.begin() + static_cast<std::ptrdiff_t>(done));
    services_.gather.clear();
    if (proto::Frame::bytesAlive() > services_.settings.totalQueueBytes) shed();
    return !dirty.empty();
}

/// Frees memory by those for whom most of it waits. Frames are shared, so that dropping one queue
/// may free nothing: one after the other, until it is enough.
void Server::shed() {
    services_.hub.forgetSnapshots();  // nobody may be waiting for them any more
    while (proto::Frame::bytesAlive() > services_.settings.totalQueueBytes) {
        Session* longest = nullptr;
        std::size_t most = 0;
        for (const auto& connection : connections_) {
            Session* session = connection->session();
            if (!session || session->closing() || session->waitingBytes() <= most) continue;
            longest = session;
            most = session->waitingBytes();
        }
        if (!longest) return;
        ++services_.counters.shed;
        log::warning("too much waits for slow clients: one for which {} bytes wait is dropped",
                     most);
        longest->giveUp();
    }
}

void Server::onStats(std::function<void(proto::WebsocketStats&, const common::Now&)> more) {
    services_.stats.onTake([this, add = std::move(more)](const common::Now& now) {
        proto::WebsocketStats stats = reportStats(services_, connections_);
        add(stats, now);
        return stats;
    });
}

Server::Figures Server::figures() const {
    Figures figures{.connections = connections_.size(), .conflated = services_.counters.conflated};
    for (const auto& connection : connections_) {
        const Session* session = connection->session();
        if (!session) continue;
        ++figures.sessions;
        figures.waitingBytes += session->waitingBytes();
        figures.conflated += session->conflated();
    }
    return figures;
}

void Server::stop() {
    listeners_.clear();
    for (const auto& connection : connections_)
        if (Session* session = connection->session()) session->close(proto::farewell::shuttingDown);
}

}  // namespace rollo::server
