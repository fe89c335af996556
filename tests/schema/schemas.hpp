// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rollo::tests {

/// The schemas of proto/schema, for the C++ programs that check messages against them. They are
/// read when they are first needed.
class Schemas {
  public:
    Schemas();
    ~Schemas();

    /// Reads the schema of `direction/type`. Throws std::runtime_error if it cannot be read.
    void read(const std::string& message);
    /// What is wrong with a message of that `direction/type`; empty if nothing is. Throws
    /// std::runtime_error if it is no JSON, or if there is no such schema.
    std::vector<std::string> complaints(const std::string& message, std::string_view json);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace rollo::tests
