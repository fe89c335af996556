// SPDX-License-Identifier: Apache-2.0
#include "agent/journal.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <functional>

#include "common/log.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo;
using namespace rollo::agent;

namespace {

/// What `write` leaves on standard error when that leads into a file.
std::string stderrOf(const std::string& file, const std::function<void()>& write) {
    std::fflush(stderr);
    const int before = dup(STDERR_FILENO);
    const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    dup2(fd, STDERR_FILENO);
    write();
    std::fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    close(fd);
    std::FILE* read = std::fopen(file.c_str(), "r");
    std::string text(1000, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), read));
    std::fclose(read);
    return text;
}

}  // namespace

TEST_CASE("standard error that is no terminal gets lines with the level's number") {
    const tests::TemporaryFolder folder;
    unsetenv("JOURNAL_STREAM");
    const std::string text = stderrOf(folder / "log", [] {
        chooseLogSink();
        common::log::error("one");
        common::log::info("two");
        common::log::setLevel(common::log::Level::trace);
        common::log::trace("three");
        common::log::setLevel(common::log::Level::info);
    });
    CHECK(text == "<3>one\n<6>two\n<7>three\n");
}

TEST_CASE("a JOURNAL_STREAM that is not standard error's does not count") {
    const tests::TemporaryFolder folder;
    setenv("JOURNAL_STREAM", "0:0", 1);
    const std::string text = stderrOf(folder / "log", [] {
        chooseLogSink();
        common::log::info("here");
    });
    unsetenv("JOURNAL_STREAM");
    CHECK(text == "<6>here\n");
}
