// SPDX-License-Identifier: Apache-2.0
// A plain read of a device through libvirt, beside which the agent's way is measured: what the
// device prints goes to standard output as it comes, standard input goes to the device. Says
// "open" on standard error, and ends with the stream, or with standard input.
//
//   console_reader URI UUID [ALIAS]
#include <libvirt/libvirt.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

namespace {

bool ended = false;

void writeAll(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = write(STDOUT_FILENO, bytes.data(), bytes.size());
        if (written < 0) {
            ended = true;
            return;
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

void onOutput(virStreamPtr stream, int, void*) noexcept {
    static char buffer[65536];
    int got = 0;
    while ((got = virStreamRecv(stream, buffer, sizeof buffer)) > 0)
        writeAll({buffer, static_cast<std::size_t>(got)});
    if (got == -2) return;
    ended = true;
    virStreamEventUpdateCallback(stream, 0);
}

void onInput(int watch, int, int, void* opaque) noexcept {
    char buffer[1024];
    const ssize_t got = read(STDIN_FILENO, buffer, sizeof buffer);
    if (got > 0 && virStreamSend(static_cast<virStreamPtr>(opaque), buffer,
                                 static_cast<std::size_t>(got)) == got)
        return;
    virEventRemoveHandle(watch);
    ended = true;
}

void onClosed(virConnectPtr, int, void*) noexcept {
    ended = true;
}

int run(virConnectPtr connection, const char* uuid, const char* alias) {
    virDomainPtr domain = virDomainLookupByUUIDString(connection, uuid);
    virStreamPtr stream = domain ? virStreamNew(connection, VIR_STREAM_NONBLOCK) : nullptr;
    if (!stream || virDomainOpenConsole(domain, alias, stream, 0) < 0) return 1;
    constexpr int events =
        VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP;
    virConnectRegisterCloseCallback(connection, onClosed, nullptr, nullptr);
    virStreamEventAddCallback(stream, events, onOutput, nullptr, nullptr);
    virEventAddHandle(STDIN_FILENO, VIR_EVENT_HANDLE_READABLE, onInput, stream, nullptr);
    std::fputs("open\n", stderr);
    while (!ended && virEventRunDefaultImpl() == 0) continue;
    virStreamEventRemoveCallback(stream);
    virStreamAbort(stream);
    virStreamFree(stream);
    virDomainFree(domain);
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 3 || virInitialize() < 0 || virEventRegisterDefaultImpl() < 0) return 2;
    virConnectPtr connection = virConnectOpen(arguments[1]);
    if (!connection) return 1;
    const int status = run(connection, arguments[2], count > 3 ? arguments[3] : nullptr);
    virConnectClose(connection);
    return status;
}
