// SPDX-License-Identifier: Apache-2.0
/// valijson decides about every example of proto/examples as the other validators do: the C++
/// programs that check messages against proto/schema may trust it.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/schema/schemas.hpp"

namespace {

namespace fs = std::filesystem;
using rollo::tests::Schemas;

const fs::path schemaDir = ROLLO_SCHEMA_DIR;
const fs::path exampleDir = ROLLO_EXAMPLE_DIR;

std::string slurp(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path.string());
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

struct Example {
    std::string message;  ///< `direction/type`
    fs::path path;
};

std::vector<Example> examples(const std::string& kind) {
    std::vector<Example> found;
    for (const auto& entry : fs::recursive_directory_iterator(exampleDir / kind)) {
        if (entry.path().extension() != ".json") continue;
        const fs::path type = entry.path().parent_path();
        found.push_back({(type.parent_path().filename() / type.filename()).string(), entry.path()});
    }
    return found;
}

}  // namespace

TEST_CASE("every schema can be read") {
    Schemas schemas;
    int count = 0;
    for (const std::string direction : {"agent", "client", "publisher", "http"}) {
        for (const auto& entry : fs::directory_iterator(schemaDir / direction)) {
            CAPTURE(entry.path());
            CHECK_NOTHROW(schemas.read(direction + "/" + entry.path().stem().string()));
            ++count;
        }
    }
    CHECK(count > 30);
}

TEST_CASE("every valid example passes") {
    Schemas schemas;
    const auto valid = examples("valid");
    CHECK(valid.size() > 100);
    for (const auto& example : valid) {
        const auto complaints = schemas.complaints(example.message, slurp(example.path));
        CAPTURE(example.path);
        INFO((complaints.empty() ? std::string() : complaints.front()));
        CHECK(complaints.empty());
    }
}

TEST_CASE("every invalid example is refused") {
    Schemas schemas;
    const auto invalid = examples("invalid");
    CHECK(invalid.size() > 300);
    for (const auto& example : invalid) {
        CAPTURE(example.path);
        CHECK_FALSE(schemas.complaints(example.message, slurp(example.path)).empty());
    }
}
