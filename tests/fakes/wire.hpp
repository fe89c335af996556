// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/json_reader.hpp"
#include "proto/frame.hpp"

/// What the agent says, as a client reads it.
namespace rollo::tests {

/// A JSON text with access by paths such as `data.vms[0].name`. What is not there, or is of another
/// type than asked for, throws std::runtime_error, which fails the test.
class Document {
  public:
    explicit Document(std::string_view text);

    bool has(std::string_view path) const { return find(path) != nullptr; }
    bool isNull(std::string_view path) const { return at(path).isNull(); }
    std::string text(std::string_view path) const;
    std::int64_t integer(std::string_view path) const;
    double number(std::string_view path) const;
    bool flag(std::string_view path) const;
    /// How many items an array has.
    std::size_t size(std::string_view path) const;
    std::vector<std::string> texts(std::string_view path) const;
    std::vector<std::int64_t> integers(std::string_view path) const;

  private:
    const common::Json* find(std::string_view path) const;
    const common::Json& at(std::string_view path) const;

    common::Json json_;
};

/// A message of the agent: an unmasked text frame whose payload follows the schema of its type;
/// anything else throws std::runtime_error.
class Message : public Document {
  public:
    explicit Message(const proto::Frame& frame);
    std::string type() const { return text("type"); }
};

/// The gist of a message in one line: `web stopped>running (booted)`, `created web#7 stopped`.
std::string line(const Message& message);

}  // namespace rollo::tests
