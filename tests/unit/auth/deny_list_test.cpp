// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/deny_list.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "agent/auth/token_verifier.hpp"
#include "unit/auth/test_tokens.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo;
using namespace rollo::auth;
using namespace rollo::auth::tests;
using rollo::tests::TemporaryFolder;

namespace {

core::Principal who(std::string user, std::optional<std::string> tokenId = {}) {
    core::Principal principal;
    principal.user = std::move(user);
    principal.tokenId = std::move(tokenId);
    return principal;
}
bool denies(std::string_view text, const std::string& user,
            std::optional<std::string> tokenId = {}) {
    return DenyList::parse(text, "deny").denies(who(user, std::move(tokenId)));
}
std::string refusal(const std::string& text) {
    try {
        DenyList::parse(text, "/etc/deny");
        return "";
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

}  // namespace

TEST_CASE("whoever stands in the list is denied, by name or by token") {
    const auto list = "# left the company\nsub ann\n\n  jti\t1f2e  # stolen\n";
    CHECK(denies(list, "ann"));
    CHECK(denies(list, "ann", "other"));
    CHECK(denies(list, "bob", "1f2e"));
    CHECK_FALSE(denies(list, "bob"));
    CHECK_FALSE(denies(list, "bob", "1F2E"));
    CHECK_FALSE(denies(list, "1f2e", "ann"));  // neither is the other
    CHECK_FALSE(denies(list, "Ann"));
    CHECK_FALSE(denies(list, "an"));
    CHECK(DenyList::parse(list, "deny").size() == 2);
    CHECK_FALSE(DenyList::parse(list, "deny").denies(core::Principal::anonymous()));
}

TEST_CASE("a name may have blanks and # in it, and a comment follows a blank") {
    CHECK(denies("sub ann of sales", "ann of sales"));
    CHECK(denies("sub ann of sales # gone", "ann of sales"));
    CHECK(denies("sub c#\r\nsub bob\r\n", "c#"));
    CHECK(denies("sub c#\r\nsub bob\r\n", "bob"));
    CHECK(denies("sub a#b #c", "a#b"));
    CHECK(denies("sub é", "é"));
    CHECK(DenyList::parse("", "deny").size() == 0);
    CHECK(DenyList::parse("#sub ann\n  # sub bob\n\t\n", "deny").size() == 0);
    CHECK(DenyList::parse("sub ann\nsub ann", "deny").size() == 1);
}

TEST_CASE("a line that says nothing is an error with its place, and is not echoed") {
    const std::string form = "a line is `sub NAME` or `jti ID`";
    CHECK(refusal("sub ann\nann\n") == "/etc/deny:2: " + form);
    CHECK(refusal("\n\n# x\nSub ann") == "/etc/deny:4: " + form);
    CHECK(refusal("subann") == "/etc/deny:1: " + form);
    CHECK(refusal("sub: ann") == "/etc/deny:1: " + form);
    const auto name = [](const char* kind) {
        return std::string("/etc/deny:1: after ") + kind +
               " stands one name of 1 to 256 bytes of UTF-8";
    };
    CHECK(refusal("sub") == name("sub"));
    CHECK(refusal("jti # 17") == name("jti"));
    CHECK(refusal("sub \xff") == name("sub"));
    CHECK(refusal("sub a\x1b[2J") == name("sub"));
    CHECK(refusal("sub " + std::string(257, 'x')) == name("sub"));
    CHECK(refusal("jti " + std::string(256, 'x')) == "");
}

TEST_CASE("the list has an end") {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += "sub " + std::to_string(i) + "\n";
    CHECK(DenyList::parse(text, "deny").size() == 100'000);
    CHECK(refusal(text + "jti x\n") == "/etc/deny:100001: the list has more than 100000 entries");
}

TEST_CASE("a list is read from a file that others may not write") {
    const TemporaryFolder folder;
    CHECK(DenyList::load(folder.write("deny", "sub ann\n", 0644)).denies(who("ann")));
    const std::string open = folder.write("open", "sub ann\n", 0666);
    CHECK_THROWS_WITH(DenyList::load(open),
                      (open + ": others may write it; chmod o-w " + open).c_str());
    CHECK_THROWS_WITH(DenyList::load(folder / "none"),
                      ((folder / "none") + ": No such file or directory").c_str());
    const std::string large = folder.write("large", std::string(1024 * 1024 + 1, '\n'));
    CHECK_THROWS_WITH(DenyList::load(large), (large + ": File too large").c_str());
    const std::string wrong = folder.write("wrong", "sub ann\n?\n");
    CHECK_THROWS_WITH(DenyList::load(wrong),
                      (wrong + ":2: a line is `sub NAME` or `jti ID`").c_str());
}

TEST_CASE("a verifier lets nobody in who is denied, and tells of those who were") {
    const auto verifier = [](std::string_view denied) {
        KeySet keys;
        keys.add(key());
        return TokenVerifier(std::move(keys), {}, DenyList::parse(denied, "deny"));
    };
    const std::string token = tokenOf(hs256Header, R"({"sub":"ann","jti":"17","exp":1767229200})");
    const auto ann = verifier("sub bob\njti 18").verify(token, now());
    REQUIRE(ann);
    CHECK_FALSE(verifier("sub bob\njti 18").denies(*ann));
    for (const char* denied : {"sub ann", "jti 17"}) {
        CHECK(verifier(denied).verify(token, now()).error() == TokenError::denied);
        CHECK(verifier(denied).denies(*ann));
    }
    // Nobody learns by another's name that it is denied: the signature comes first.
    CHECK(verifier("sub ann").verify(token.substr(0, token.size() - 3) + "AAA", now()).error() !=
          TokenError::denied);
}
