// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "proto/codec.hpp"
#include "tests/fakes/examples.hpp"
#include "tests/fakes/wire.hpp"

using namespace rollo::proto;
namespace fs = std::filesystem;

namespace {

template <class T>
T read(std::string_view text) {
    auto message = decode(text);
    CAPTURE(text.substr(0, 200));
    REQUIRE(message.has_value());
    REQUIRE(std::holds_alternative<T>(*message));
    return std::get<T>(std::move(*message));
}

struct Refused {
    ErrorCode code;
    std::string field;
    std::string requestType;

    bool operator==(const Refused&) const = default;
};

doctest::String toString(const Refused& refused) {
    return fmt::format("{} at '{}' of '{}'", word(refused.code), refused.field, refused.requestType)
        .c_str();
}

/// What the text is refused with; the answer is checked against the schema of `error`.
Refused refused(std::string_view text) {
    const auto message = decode(text);
    CAPTURE(text.substr(0, 200));
    REQUIRE_FALSE(message.has_value());
    const Error& error = message.error();
    CHECK_FALSE(error.message.empty());
    CHECK_NOTHROW(rollo::tests::Message(encode(AgentMessage(error), rollo::tests::at())));
    return {error.code, error.field, std::string(error.requestType)};
}

Refused invalid(std::string_view type, std::string_view field) {
    return {ErrorCode::invalidMessage, std::string(field), std::string(type)};
}

std::string subscribe(std::string_view data) {
    return fmt::format(R"({{"type":"subscribe","data":{}}})", data);
}

std::string repeated(std::string_view item, int times) {
    std::string list;
    for (int i = 0; i < times; ++i) list += (i ? "," : "") + std::string(item);
    return list;
}

std::string slurp(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    REQUIRE(file);
    return text.str();
}

/// Calls `visit(type, path, text)` for each example of a client's message.
template <class Visit>
int forEachExample(const std::string& kind, Visit visit) {
    int count = 0;
    for (const auto& type : fs::directory_iterator(fs::path(ROLLO_EXAMPLE_DIR) / kind / "client"))
        for (const auto& entry : fs::directory_iterator(type.path())) {
            CAPTURE(entry.path().string());
            visit(type.path().filename().string(), entry.path(), slurp(entry.path()));
            ++count;
        }
    return count;
}

}  // namespace

// --- what is well-formed -------------------------------------------------------------------------

TEST_CASE("subscribe takes everything that it may hold") {
    const auto message = read<Subscribe>(subscribe(
        R"({"events":["vm_created","nonsense"],"vm_ids":[3,1,3],"server_ids":[7],"id":"mine",)"
        R"("snapshot":false,"resume":{"epoch":"0123456789abcdef","seq":9007199254740991},"history":true})"));
    CHECK(message.filter.events == std::vector<std::string>{"vm_created", "nonsense"});
    CHECK(message.filter.vmIds == std::vector<VmId>{3, 1, 3});
    CHECK(message.filter.serverIds == std::vector<ServerId>{7});
    CHECK(message.id == "mine");
    CHECK_FALSE(message.snapshot);
    CHECK(message.history);
    REQUIRE(message.resume);
    CHECK(message.resume->epoch == "0123456789abcdef");
    CHECK(message.resume->seq == 9007199254740991);
}

TEST_CASE("subscribe without data means everything, with a snapshot") {
    for (const auto* text :
         {R"({"type":"subscribe"})", R"({"type":"subscribe","data":null})",
          R"({"type":"subscribe","data":{}})", R"({"data":{},"type":"subscribe"})",
          R"({"type":"subscribe","data":{"events":null,"vm_ids":null,"server_ids":null,"id":null,
              "snapshot":null,"resume":null,"history":null},"timestamp":null})"}) {
        const auto message = read<Subscribe>(text);
        CHECK_FALSE(message.history);
        CHECK_FALSE(message.filter.events);
        CHECK_FALSE(message.filter.vmIds);
        CHECK_FALSE(message.filter.serverIds);
        CHECK_FALSE(message.id);
        CHECK(message.snapshot);
        CHECK_FALSE(message.resume);
    }
}

TEST_CASE("a list that is present and empty is not an absent one") {
    const auto message = read<Subscribe>(subscribe(R"({"events":[],"vm_ids":[],"server_ids":[]})"));
    CHECK(message.filter.events == std::vector<std::string>());
    CHECK(message.filter.vmIds == std::vector<VmId>());
    CHECK(message.filter.serverIds == std::vector<ServerId>());
}

TEST_CASE("unsubscribe takes lists or the name of a rule") {
    const auto lists = read<Unsubscribe>(
        R"({"type":"unsubscribe","data":{"events":["alert"],"vm_ids":[2],"server_ids":[]}})");
    CHECK(lists.filter.events == std::vector<std::string>{"alert"});
    CHECK(lists.filter.vmIds == std::vector<VmId>{2});
    CHECK(lists.filter.serverIds == std::vector<ServerId>());
    CHECK_FALSE(lists.id);
    CHECK(read<Unsubscribe>(R"({"type":"unsubscribe","data":{"id":"mine"}})").id == "mine");
    CHECK_FALSE(read<Unsubscribe>(R"({"type":"unsubscribe"})").filter.events);
    CHECK_FALSE(read<Unsubscribe>(R"({"type":"unsubscribe","data":{"id":null}})").id);
}

TEST_CASE("the data of ping is not looked at") {
    for (const auto* data : {"null", "1", "\"x\"", "[]", "[[1]]", R"({"any":{"thing":1}})"})
        read<Ping>(fmt::format(R"({{"type":"ping","data":{}}})", data));
    read<Ping>(R"({"type":"ping"})");
    for (const auto* timestamp : {"null", "\"\"", "\"2026-01-01T00:00:00.000Z\"", "\"now\""})
        read<Ping>(fmt::format(R"({{"type":"ping","timestamp":{}}})", timestamp));
}

TEST_CASE("auth carries its token") {
    CHECK(read<Authenticate>(R"({"type":"auth","data":{"token":"a.b.c"}})").token == "a.b.c");
    const std::string longest(8192, 't');
    CHECK(read<Authenticate>(fmt::format(R"({{"type":"auth","data":{{"token":"{}"}}}})", longest))
              .token == longest);
}

TEST_CASE("what is typed is a text of any length") {
    CHECK(read<ConsoleInput>(R"({"type":"console_input","data":""})").text.empty());
    CHECK(
        read<ConsoleInput>(R"({"type":"console_input","data":"ls\r\u0003\u0000\u001b[A"})").text ==
        std::string("ls\r\x03\0\x1b[A", 8));
    const std::string pasted(300000, 'p');
    CHECK(
        read<ConsoleInput>(fmt::format(R"({{"type":"console_input","data":"{}"}})", pasted)).text ==
        pasted);
}

TEST_CASE("the other messages to a console say what they are about") {
    const auto resize =
        read<ConsoleResize>(R"({"type":"console_resize","data":{"rows":1,"cols":65535}})");
    CHECK(resize.rows == 1);
    CHECK(resize.cols == 65535);
    CHECK(read<ConsoleAcquire>(R"({"type":"console_acquire","data":{"force":true}})").force);
    for (const auto* text :
         {R"({"type":"console_acquire"})", R"({"type":"console_acquire","data":null})",
          R"({"type":"console_acquire","data":{"force":null}})",
          R"({"type":"console_acquire","data":{"force":false}})"})
        CHECK_FALSE(read<ConsoleAcquire>(text).force);
    CHECK(read<ConsoleAck>(R"({"type":"console_ack","data":{"offset":9007199254740991}})").offset ==
          9007199254740991);
    read<ConsoleRelease>(R"({"type":"console_release","data":{}})");
    read<ConsoleRelease>(R"({"type":"console_release"})");
    read<ConsoleBreak>(R"({"type":"console_break","data":null})");
}

TEST_CASE("a message knows the name of its type") {
    CHECK(wireName(ClientMessage(Subscribe{})) == "subscribe");
    CHECK(wireName(ClientMessage(Unsubscribe{})) == "unsubscribe");
    CHECK(wireName(ClientMessage(Ping{})) == "ping");
    CHECK(wireName(ClientMessage(Authenticate{})) == "auth");
    CHECK(wireName(ClientMessage(ConsoleInput{})) == "console_input");
    CHECK(wireName(ClientMessage(ConsoleResize{})) == "console_resize");
    CHECK(wireName(ClientMessage(ConsoleAcquire{})) == "console_acquire");
    CHECK(wireName(ClientMessage(ConsoleRelease{})) == "console_release");
    CHECK(wireName(ClientMessage(ConsoleAck{})) == "console_ack");
    CHECK(wireName(ClientMessage(ConsoleBreak{})) == "console_break");
}

TEST_CASE("the longest lists and texts that are allowed pass") {
    const auto message = read<Subscribe>(subscribe(fmt::format(
        R"({{"events":[{}],"vm_ids":[{}],"id":"{}","resume":{{"epoch":"{}","seq":0}}}})",
        repeated("\"" + std::string(64, 'e') + "\"", 64), repeated("1", 10000),
        std::string(64, 'i'), std::string(64, 'e'))));
    CHECK(message.filter.events->size() == 64);
    CHECK(message.filter.vmIds->size() == 10000);
    CHECK(message.resume->seq == 0);
}

// --- what is not ---------------------------------------------------------------------------------

TEST_CASE("what is no JSON is refused as such") {
    const Refused noJson{ErrorCode::invalidJson, "", ""};
    for (const std::string_view text :
         {"", " ", "{", "}", "nothing", R"({"type":"ping")", R"({"type":"ping"}})",
          R"({"type":"ping"} {"type":"ping"})", R"({'type':'ping'})", R"({"type":"ping",})",
          "\xef\xbb\xbf{\"type\":\"ping\"}", "{\"type\":\"\xff\"}", "{\"type\":\"\xc0\x80\"}",
          R"({"type":"ping","type":"ping"})", R"({"type":"ping","data":{"a":1,"a":1}})",
          R"({"type":"\ud800"})", R"({"type":"ping","data":NaN})"}) {
        CAPTURE(text);
        CHECK(refused(text) == noJson);
    }
    CHECK(refused(std::string_view("{\"type\":\"ping\"}\0", 16)) == noJson);
    CHECK(refused(std::string(1000000, '[')) == noJson);
    CHECK(refused(R"({"type":"ping","data":)" + std::string(20, '[') + std::string(20, ']') +
                  "}") == noJson);
}

TEST_CASE("what is no object with a type is no message") {
    for (const auto* text : {"1", "null", "true", "\"ping\"", "[]", R"([{"type":"ping"}])"})
        CHECK(refused(text) == invalid("", ""));
    CHECK(refused("{}") == invalid("", "type"));
    CHECK(refused(R"({"type":null})") == invalid("", "type"));
    CHECK(refused(R"({"data":{}})") == invalid("", "type"));
    for (const auto* type : {"1", "true", "[]", "{}", "1.5"})
        CHECK(refused(fmt::format(R"({{"type":{}}})", type)) == invalid("", "type"));
}

TEST_CASE("a type that there is not is refused without being repeated") {
    for (const auto* type :
         {"", " ", "Ping", "ping ", "snapshot", "pong", "console", "subscribe\\n"})
        CHECK(refused(fmt::format(R"({{"type":"{}"}})", type)) ==
              Refused{ErrorCode::unknownType, "type", ""});
}

TEST_CASE("members that are not known are refused where they stand") {
    CHECK(refused(R"({"type":"ping","seq":1})") == invalid("ping", ""));
    CHECK(refused(R"({"type":"subscribe","id":"x"})") == invalid("subscribe", ""));
    CHECK(refused(subscribe(R"({"vmids":[1]})")) == invalid("subscribe", "data"));
    CHECK(refused(subscribe(R"({"vmids":null})")) == invalid("subscribe", "data"));
    CHECK(refused(subscribe(R"({"resume":{"epoch":"e","seq":1,"more":1}})")) ==
          invalid("subscribe", "data.resume"));
    CHECK(refused(R"({"type":"unsubscribe","data":{"snapshot":true}})") ==
          invalid("unsubscribe", "data"));
    CHECK(refused(R"({"type":"auth","data":{"token":"t","user":"u"}})") == invalid("auth", "data"));
}

TEST_CASE("data has to be an object where it is looked at") {
    for (const auto* type : {"subscribe", "unsubscribe", "auth"})
        for (const auto* data : {"1", "\"x\"", "[]", "true"})
            CHECK(refused(fmt::format(R"({{"type":"{}","data":{}}})", type, data)) ==
                  invalid(type, "data"));
    CHECK(refused(R"({"type":"auth"})") == invalid("auth", "data"));
    CHECK(refused(R"({"type":"auth","data":null})") == invalid("auth", "data"));
}

TEST_CASE("events are texts of 1 to 64 bytes, at most 64") {
    CHECK(refused(subscribe(R"({"events":"vm_created"})")) == invalid("subscribe", "data.events"));
    CHECK(refused(subscribe(R"({"events":{}})")) == invalid("subscribe", "data.events"));
    CHECK(refused(subscribe(R"({"events":["a",1]})")) == invalid("subscribe", "data.events[1]"));
    CHECK(refused(subscribe(R"({"events":[null]})")) == invalid("subscribe", "data.events[0]"));
    CHECK(refused(subscribe(R"({"events":["a","b",""]})")) ==
          invalid("subscribe", "data.events[2]"));
    CHECK(refused(subscribe(fmt::format(R"({{"events":["{}"]}})", std::string(65, 'e')))) ==
          invalid("subscribe", "data.events[0]"));
    CHECK(refused(subscribe(fmt::format(R"({{"events":[{}]}})", repeated("\"e\"", 65)))) ==
          invalid("subscribe", "data.events"));
}

TEST_CASE("the length of a text counts bytes") {
    std::string umlauts;
    for (int i = 0; i < 33; ++i) umlauts += "\xc3\xa4";
    CHECK(refused(subscribe(fmt::format(R"({{"id":"{}"}})", umlauts))) ==
          invalid("subscribe", "data.id"));
    umlauts.resize(64);
    CHECK(read<Subscribe>(subscribe(fmt::format(R"({{"id":"{}"}})", umlauts))).id == umlauts);
}

TEST_CASE("ids are integers from 1 to 2^53 - 1, at most 10,000") {
    for (const auto* name : {"vm_ids", "server_ids"}) {
        const std::string list = fmt::format("data.{}", name);
        const auto with = [&](std::string_view value) {
            return refused(subscribe(fmt::format(R"({{"{}":{}}})", name, value)));
        };
        CHECK(with("1") == invalid("subscribe", list));
        CHECK(with("\"1\"") == invalid("subscribe", list));
        CHECK(with("[0]") == invalid("subscribe", list + "[0]"));
        CHECK(with("[1,2,-3]") == invalid("subscribe", list + "[2]"));
        CHECK(with("[1,\"2\"]") == invalid("subscribe", list + "[1]"));
        CHECK(with("[1,null]") == invalid("subscribe", list + "[1]"));
        CHECK(with("[1.5]") == invalid("subscribe", list + "[0]"));
        CHECK(with("[true]") == invalid("subscribe", list + "[0]"));
        CHECK(with("[9007199254740992]") == invalid("subscribe", list + "[0]"));
        CHECK(with("[9223372036854775807]") == invalid("subscribe", list + "[0]"));
        CHECK(with("[9223372036854775808]") == invalid("subscribe", list + "[0]"));
        CHECK(with("[1e400]").code != ErrorCode::unknownType);
        CHECK(with("[" + repeated("1", 10001) + "]") == invalid("subscribe", list));
    }
    CHECK(read<Subscribe>(subscribe(R"({"vm_ids":[9007199254740991]})")).filter.vmIds->front() ==
          9007199254740991);
}

TEST_CASE("names of rules, switches, and points to resume from are checked") {
    const auto with = [](std::string_view data) { return refused(subscribe(data)); };
    CHECK(with(R"({"id":""})") == invalid("subscribe", "data.id"));
    CHECK(with(R"({"id":1})") == invalid("subscribe", "data.id"));
    CHECK(with(fmt::format(R"({{"id":"{}"}})", std::string(65, 'i'))) ==
          invalid("subscribe", "data.id"));
    CHECK(with(R"({"snapshot":1})") == invalid("subscribe", "data.snapshot"));
    CHECK(with(R"({"snapshot":"true"})") == invalid("subscribe", "data.snapshot"));
    CHECK(with(R"({"history":0})") == invalid("subscribe", "data.history"));
    CHECK(with(R"({"resume":"e:1"})") == invalid("subscribe", "data.resume"));
    CHECK(with(R"({"resume":[]})") == invalid("subscribe", "data.resume"));
    CHECK(with(R"({"resume":{}})") == invalid("subscribe", "data.resume.epoch"));
    CHECK(with(R"({"resume":{"epoch":"e"}})") == invalid("subscribe", "data.resume.seq"));
    CHECK(with(R"({"resume":{"seq":1}})") == invalid("subscribe", "data.resume.epoch"));
    CHECK(with(R"({"resume":{"epoch":null,"seq":1}})") ==
          invalid("subscribe", "data.resume.epoch"));
    CHECK(with(R"({"resume":{"epoch":"","seq":1}})") == invalid("subscribe", "data.resume.epoch"));
    CHECK(with(R"({"resume":{"epoch":1,"seq":1}})") == invalid("subscribe", "data.resume.epoch"));
    CHECK(with(fmt::format(R"({{"resume":{{"epoch":"{}","seq":1}}}})", std::string(65, 'e'))) ==
          invalid("subscribe", "data.resume.epoch"));
    CHECK(with(R"({"resume":{"epoch":"e","seq":-1}})") == invalid("subscribe", "data.resume.seq"));
    CHECK(with(R"({"resume":{"epoch":"e","seq":"1"}})") == invalid("subscribe", "data.resume.seq"));
    CHECK(with(R"({"resume":{"epoch":"e","seq":9007199254740992}})") ==
          invalid("subscribe", "data.resume.seq"));
}

TEST_CASE("what is typed has to be a text") {
    for (const auto* data : {"1", "true", "[]", "{}", "[\"x\"]", "null"})
        CHECK(refused(fmt::format(R"({{"type":"console_input","data":{}}})", data)) ==
              invalid("console_input", "data"));
    CHECK(refused(R"({"type":"console_input"})") == invalid("console_input", "data"));
    CHECK(refused(R"({"type":"console_input","data":"x","device":"serial0"})") ==
          invalid("console_input", ""));
}

TEST_CASE("sizes, offsets and switches of a console are checked") {
    const auto with = [](std::string_view type, std::string_view data) {
        return refused(fmt::format(R"({{"type":"{}","data":{}}})", type, data));
    };
    for (const auto* wrong : {"0", "65536", "-1", "1.5", "\"1\"", "null", "true"}) {
        CAPTURE(wrong);
        CHECK(with("console_resize", fmt::format(R"({{"rows":{},"cols":1}})", wrong)) ==
              invalid("console_resize", "data.rows"));
        CHECK(with("console_resize", fmt::format(R"({{"rows":1,"cols":{}}})", wrong)) ==
              invalid("console_resize", "data.cols"));
    }
    CHECK(with("console_resize", R"({"rows":1})") == invalid("console_resize", "data.cols"));
    CHECK(with("console_resize", "\"1x1\"") == invalid("console_resize", "data"));
    for (const auto* wrong : {"-1", "9007199254740992", "0.5", "\"0\"", "null"})
        CHECK(with("console_ack", fmt::format(R"({{"offset":{}}})", wrong)) ==
              invalid("console_ack", "data.offset"));
    CHECK(with("console_ack", "{}") == invalid("console_ack", "data.offset"));
    CHECK(with("console_acquire", R"({"force":1})") == invalid("console_acquire", "data.force"));
    for (const auto* type : {"console_acquire", "console_release", "console_break"})
        for (const auto* data : {"1", "\"x\"", "[]", "true"})
            CHECK(with(type, data) == invalid(type, "data"));
    for (const auto* type : {"console_release", "console_break"})
        CHECK(with(type, R"({"force":true})") == invalid(type, "data"));
}

TEST_CASE("a token is a text of 1 to 8,192 bytes") {
    const auto with = [](std::string_view token) {
        return refused(fmt::format(R"({{"type":"auth","data":{{"token":{}}}}})", token));
    };
    CHECK(with("null") == invalid("auth", "data.token"));
    CHECK(with("1") == invalid("auth", "data.token"));
    CHECK(with("\"\"") == invalid("auth", "data.token"));
    CHECK(with("\"" + std::string(8193, 't') + "\"") == invalid("auth", "data.token"));
    CHECK(refused(R"({"type":"auth","data":{}})") == invalid("auth", "data.token"));
}

TEST_CASE("a timestamp is a text, if it is there") {
    CHECK(refused(R"({"type":"ping","timestamp":1})") == invalid("ping", "timestamp"));
    CHECK(refused(fmt::format(R"({{"type":"ping","timestamp":"{}"}})", std::string(65, '2'))) ==
          invalid("ping", "timestamp"));
}

TEST_CASE("nothing of a request is ever repeated") {
    const std::string mark = "IAmTheMark";
    for (const auto* text : {R"(IAmTheMark)", R"({"IAmTheMark":1})", R"({"type":"IAmTheMark"})",
                             R"({"type":["IAmTheMark"]})", R"({"type":"ping","IAmTheMark":1})",
                             R"({"type":"subscribe","data":{"IAmTheMark":1}})",
                             R"({"type":"subscribe","data":"IAmTheMark"})",
                             R"({"type":"subscribe","data":{"events":"IAmTheMark"}})",
                             R"({"type":"subscribe","data":{"vm_ids":["IAmTheMark"]}})",
                             R"({"type":"subscribe","data":{"resume":{"IAmTheMark":1}}})",
                             R"({"type":"subscribe","data":{"resume":{"epoch":"IAmTheMark"}}})",
                             R"({"type":"auth","data":{"token":"IAmTheMark","user":1}})",
                             R"({"type":"console_input","data":["IAmTheMark"]})",
                             R"({"type":"console_ack","data":{"offset":"IAmTheMark"}})",
                             R"({"IAmTheMark":1,"IAmTheMark":1})"}) {
        const auto message = decode(text);
        CAPTURE(text);
        REQUIRE_FALSE(message.has_value());
        const Frame answer = encode(AgentMessage(message.error()), rollo::tests::at());
        CHECK(answer.payload().find(mark) == std::string_view::npos);
    }
}

// --- the corpus ----------------------------------------------------------------------------------

TEST_CASE("every valid example of a client's message is understood") {
    const int count = forEachExample(
        "valid", [](const std::string& type, const fs::path&, const std::string& text) {
            const auto message = decode(text);
            REQUIRE(message.has_value());
            CHECK(wireName(*message) == type);
        });
    CHECK(count > 30);
}

TEST_CASE("every invalid example of a client's message is refused") {
    int checked = 0;
    forEachExample("invalid",
                   [&](const std::string& type, const fs::path&, const std::string& text) {
                       ++checked;
                       const auto message = decode(text);
                       CHECK((!message || wireName(*message) != type));
                   });
    CHECK(checked > 110);
}

TEST_CASE("the place in an error agrees with the name of the example") {
    int checked = 0;
    forEachExample("invalid",
                   [&](const std::string& type, const fs::path& path, const std::string& text) {
                       const std::string name = path.stem().string();
                       if (!name.starts_with("data")) return;
                       const auto message = decode(text);
                       REQUIRE_FALSE(message.has_value());
                       CHECK(message.error().requestType == type);
                       std::string field = message.error().field;
                       // The example's name has `data.vm_ids_0_zero` for `data.vm_ids[0]`.
                       for (const auto& [from, to] : {std::pair{'[', '_'}, std::pair{']', '_'}})
                           std::replace(field.begin(), field.end(), from, to);
                       CAPTURE(field);
                       CHECK(name.starts_with(field));
                       ++checked;
                   });
    CHECK(checked > 65);
}
