// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <toml++/toml.h>

#include <string>
#include <string_view>
#include <vector>

#include "agent/config_table.hpp"

/// What is needed of toml++ to read a configuration file.
namespace rollo::agent {

ConfigValue valueOf(const toml::node& node);

/// What toml++ says is wrong, in one line of UTF-8: it may show a piece of what it could not read.
std::string oneLine(std::string_view description);

/// What is wrong in one file.
class FileErrors {
  public:
    /// `file` is for the messages, and outlives this.
    explicit FileErrors(const std::string& file) : file_(file) {}

    void report(const toml::source_region& where, std::string_view name, std::string_view what);
    /// In the order of the file, which is not that of its tables.
    void addTo(std::vector<std::string>& errors);

  private:
    struct Found {
        toml::source_index line;
        std::string text;
    };

    const std::string& file_;
    std::vector<Found> found_;
};

}  // namespace rollo::agent
