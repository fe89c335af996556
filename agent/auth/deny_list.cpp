// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/deny_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "agent/auth/guarded_file.hpp"
#include "common/utf8.hpp"

namespace rollo::auth {

namespace {

constexpr std::size_t largestFile = 1024 * 1024;
constexpr std::size_t mostEntries = 100'000;
/// As long as the claims may be.
constexpr std::size_t longestName = 256;
constexpr std::string_view blanks = " \t";

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string_view withoutComment(std::string_view line) {
    for (auto at = line.find('#'); at != line.npos; at = line.find('#', at + 1))
        if (at == 0 || blanks.contains(line[at - 1])) return line.substr(0, at);
    return line;
}

bool isName(std::string_view name) {
    return !name.empty() && name.size() <= longestName && common::isUtf8(name) &&
           std::ranges::none_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

/// One line's words; the first is empty where there is nothing to read.
std::pair<std::string_view, std::string_view> wordsOf(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = trimmed(withoutComment(line));
    const auto end = std::min(line.find_first_of(blanks), line.size());
    return {line.substr(0, end), trimmed(line.substr(end))};
}

}  // namespace

DenyList DenyList::parse(std::string_view text, std::string_view file) {
    DenyList list;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto refuse = [&](std::string_view why) {
            throw std::runtime_error(fmt::format("{}:{}: {}", file, number, why));
        };
        const auto end = std::min(text.find('\n'), text.size());
        const auto [kind, name] = wordsOf(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (kind.empty()) continue;
        if (kind != "sub" && kind != "jti") refuse("a line is `sub NAME` or `jti ID`");
        if (!isName(name))
            refuse(fmt::format("after {} stands one name of 1 to {} bytes of UTF-8", kind,
                               longestName));
        (kind == "sub" ? list.subjects_ : list.tokenIds_).emplace(name);
        if (list.size() > mostEntries)
            refuse(fmt::format("the list has more than {} entries", mostEntries));
    }
    return list;
}

DenyList DenyList::load(const std::string& path) {
    return parse(readGuardedFile(path, largestFile).bytes, path);
}

bool DenyList::denies(const core::Principal& principal) const {
    return (principal.user && subjects_.contains(*principal.user)) ||
           (principal.tokenId && tokenIds_.contains(*principal.tokenId));
}

}  // namespace rollo::auth
