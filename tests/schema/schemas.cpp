// SPDX-License-Identifier: Apache-2.0
#include "tests/schema/schemas.hpp"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <valijson/adapters/rapidjson_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

namespace rollo::tests {
namespace {

namespace fs = std::filesystem;
using Adapter = valijson::adapters::RapidJsonAdapter;
using valijson::Schema;

const fs::path schemaDir = ROLLO_SCHEMA_DIR;

std::unique_ptr<rapidjson::Document> parse(std::string_view text, const std::string& name) {
    auto document = std::make_unique<rapidjson::Document>();
    document->Parse<rapidjson::kParseValidateEncodingFlag>(text.data(), text.size());
    if (document->HasParseError())
        throw std::runtime_error(name + ": " +
                                 rapidjson::GetParseError_En(document->GetParseError()));
    return document;
}

std::unique_ptr<rapidjson::Document> load(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path.string());
    std::ostringstream text;
    text << file.rdbuf();
    return parse(text.str(), path.string());
}

/// valijson asks for documents by the reference as it is written: relative to a message's file.
const rapidjson::Document* fetch(const std::string& reference) {
    return load(schemaDir / "agent" / reference).release();
}

void release(const rapidjson::Document* document) {
    delete document;
}

}  // namespace

struct Schemas::State {
    std::map<std::string, std::unique_ptr<Schema>> schemas;

    const Schema& of(const std::string& message) {
        auto& schema = schemas[message];
        if (!schema) {
            auto read = std::make_unique<Schema>();
            const auto document = load(schemaDir / (message + ".json"));
            valijson::SchemaParser(valijson::SchemaParser::kDraft7)
                .populateSchema(Adapter(*document), *read, fetch, release);
            schema = std::move(read);
        }
        return *schema;
    }
};

Schemas::Schemas() : state_(std::make_unique<State>()) {}
Schemas::~Schemas() = default;

void Schemas::read(const std::string& message) {
    state_->of(message);
}

std::vector<std::string> Schemas::complaints(const std::string& message, std::string_view json) {
    const auto document = parse(json, message);
    valijson::Validator validator;
    valijson::ValidationResults results;
    validator.validate(state_->of(message), Adapter(*document), &results);
    std::vector<std::string> texts;
    valijson::ValidationResults::Error error;
    while (results.popError(error)) {
        std::string where;
        for (const auto& step : error.context) where += step;
        texts.push_back(where + ": " + error.description);
    }
    return texts;
}

}  // namespace rollo::tests
