// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <set>
#include <string_view>

#include "proto/messages.hpp"
#include "tests/fuzz/check.hpp"

/// Errors say what is wrong in words of ours, and where by names of the schema: whatever the input
/// says, none of it comes back.
namespace rollo::fuzz {

using Words = std::set<std::string_view>;

inline bool isLetter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// All that is made of letters is one of these words; the rest are digits, and marks that a
/// sentence has.
inline bool isMadeOf(const Words& words, std::string_view text) {
    constexpr std::string_view marks = " 0123456789.,:;'-^[](){}/+\\";
    while (!text.empty()) {
        const auto end = std::ranges::find_if_not(text, isLetter);
        const auto length = static_cast<std::size_t>(end - text.begin());
        if (length > 0 && !words.contains(text.substr(0, length))) return false;
        if (length == 0 && marks.find(text.front()) == marks.npos) return false;
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return true;
}

/// Those of common/json_reader.hpp, with RapidJSON's own.
inline const Words jsonWords{
    "A",          "a",         "after",     "an",         "and",       "array",     "at",
    "be",         "begins",    "big",       "by",         "byte",      "character", "closing",
    "colon",      "comma",     "contains",  "deeply",     "digit",     "document",  "double",
    "due",        "element",   "empty",     "encoding",   "error",     "escape",    "Expect",
    "exponent",   "follow",    "followed",  "for",        "fraction",  "Handler",   "hex",
    "in",         "Incorrect", "Invalid",   "invalid",    "is",        "JSON",      "long",
    "many",       "mark",      "member",    "message",    "Miss",      "Missing",   "must",
    "name",       "nested",    "not",       "NUL",        "Number",    "number",    "object",
    "occurs",     "of",        "or",        "order",      "other",     "out",       "pair",
    "parsing",    "part",      "quotation", "range",      "readable",  "root",      "single",
    "singular",   "stored",    "String",    "string",     "surrogate", "syntax",    "Terminate",
    "text",       "The",       "the",       "to",         "too",       "twice",     "u",
    "unexpected", "Unicode",   "Unknown",   "Unspecific", "valid",     "value",     "values",
    "with",
};

inline void demandFixedWords(const proto::Error& error, const Words& sentences,
                             const Words& fields) {
    const bool known = error.code == proto::ErrorCode::invalidJson
                           ? isMadeOf(jsonWords, error.message)
                           : isMadeOf(sentences, error.message);
    if (!known) std::fprintf(stderr, "%s\n", error.message.c_str());
    demand(known, "an error is made of fixed words");
    demand(isMadeOf(fields, error.field), "a field is a path of names of the schema");
}

}  // namespace rollo::fuzz
