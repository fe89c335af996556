// SPDX-License-Identifier: Apache-2.0
#include "common/json_writer.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

using namespace rollo::common;

namespace {

template <class T>
std::string written(const T& value) {
    JsonWriter json;
    json.value(value);
    return std::string(json.text());
}

}  // namespace

TEST_CASE("a document is written compactly, in order") {
    JsonWriter json;
    json.beginObject();
    json.member("a", 1);
    json.member("b", "x\"y\n");
    json.member("c", std::optional<double>());
    json.member("d", std::vector<std::int64_t>{1, 2});
    json.key("e");
    json.beginArray();
    json.null();
    json.value(true);
    json.endArray();
    json.key("f");
    json.raw("{\"g\":[]}");
    json.member("h", std::optional<double>(2.5));
    json.endObject();
    CHECK(json.text() ==
          R"({"a":1,"b":"x\"y\n","c":null,"d":[1,2],"e":[null,true],"f":{"g":[]},"h":2.5})");
}

TEST_CASE("a cleared writer begins anew") {
    JsonWriter json;
    json.beginObject();
    json.key("left open");
    json.clear();
    CHECK(json.text() == "");
    json.beginArray();
    json.raw("1");
    json.raw("\"two\"");
    json.endArray();
    CHECK(json.text() == "[1,\"two\"]");
}

TEST_CASE("integers keep all their digits") {
    CHECK(written(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
    CHECK(written(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
    CHECK(written(-1) == "-1");
}

TEST_CASE("doubles are rounded to three decimals and have no needless digits") {
    CHECK(written(0.0) == "0");
    CHECK(written(-0.0) == "0");
    CHECK(written(-0.0001) == "0");
    CHECK(written(12.0) == "12");
    CHECK(written(0.1 + 0.2) == "0.3");
    CHECK(written(-1.5) == "-1.5");
    CHECK(written(99.9996) == "100");
    CHECK(written(0.0005) == "0.001");
    CHECK(written(1.045) == "1.045");
    CHECK(written(-0.25) == "-0.25");
    CHECK(written(8999999999999.125) == "8999999999999.125");
    CHECK(written(1e20) == "1e+20");
    CHECK(written(9007199254740993.0) == "9007199254740992");
    CHECK(written(std::numeric_limits<double>::max()) == "1.7976931348623157e+308");
}

TEST_CASE("doubles that are not finite leave as null") {
    JsonWriter json;
    json.beginArray();
    json.value(std::numeric_limits<double>::quiet_NaN());
    json.value(std::numeric_limits<double>::infinity());
    json.value(-std::numeric_limits<double>::infinity());
    json.value(1);
    json.endArray();
    CHECK(json.text() == "[null,null,null,1]");
}

TEST_CASE("bytes that are no UTF-8 leave as U+FFFD, in values and in names") {
    CHECK(written(std::string_view("a\xff\xc3\xa9\xe2\x82")) ==
          "\"a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\"");
    JsonWriter json;
    json.beginObject();
    json.member("k\x80", 1);
    json.endObject();
    CHECK(json.text() == "{\"k\xef\xbf\xbd\":1}");
}

TEST_CASE("control characters are escaped and empty views are empty strings") {
    CHECK(written(std::string_view("\0\x1f\x7f", 3)) == "\"\\u0000\\u001F\x7f\"");
    CHECK(written(std::string_view()) == "\"\"");
    CHECK(written("") == "\"\"");
}
