// SPDX-License-Identifier: Apache-2.0
#include "common/clock.hpp"

namespace rollo::common {

namespace {

/// Writes `value` right-aligned into the `digits` characters at `at`.
void putDigits(char* at, int digits, unsigned value) {
    for (char* digit = at + digits; digit != at; value /= 10)
        *--digit = static_cast<char>('0' + value % 10);
}

/// The number that the `digits` characters at `at` write; -1 where one is no digit.
int readDigits(std::string_view text, std::size_t at, std::size_t digits) {
    int value = 0;
    for (const char c : text.substr(at, digits)) {
        if (c < '0' || c > '9') return -1;
        value = 10 * value + (c - '0');
    }
    return value;
}

}  // namespace

Now readClocks() {
    return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()};
}

std::string formatTimestamp(WallClock time) {
    using namespace std::chrono;
    const auto rounded = floor<milliseconds>(time);
    const auto day = floor<days>(rounded);
    const year_month_day date(day);
    const hh_mm_ss clock(rounded - day);

    std::string text = "0000-00-00T00:00:00.000Z";
    putDigits(&text[0], 4, static_cast<unsigned>(static_cast<int>(date.year())));
    putDigits(&text[5], 2, static_cast<unsigned>(date.month()));
    putDigits(&text[8], 2, static_cast<unsigned>(date.day()));
    putDigits(&text[11], 2, static_cast<unsigned>(clock.hours().count()));
    putDigits(&text[14], 2, static_cast<unsigned>(clock.minutes().count()));
    putDigits(&text[17], 2, static_cast<unsigned>(clock.seconds().count()));
    putDigits(&text[20], 3, static_cast<unsigned>(clock.subseconds().count()));
    return text;
}

std::optional<WallClock> parseTimestamp(std::string_view text) {
    using namespace std::chrono;
    constexpr std::string_view form = "0000-00-00T00:00:00.000Z";
    if (text.size() != form.size()) return std::nullopt;
    for (std::size_t i = 0; i < form.size(); ++i)
        if (form[i] != '0' && text[i] != form[i]) return std::nullopt;
    const auto number = [&](std::size_t at, std::size_t digits) {
        return readDigits(text, at, digits);
    };
    const int years = number(0, 4), hour = number(11, 2), minute = number(14, 2),
              second = number(17, 2), millisecond = number(20, 3);
    const year_month_day date(year(years), month(static_cast<unsigned>(number(5, 2))),
                              day(static_cast<unsigned>(number(8, 2))));
    // Beyond these the clock's nanoseconds would not fit.
    const bool exists = years >= 1970 && years < 2262 && date.ok() && hour >= 0 && hour < 24 &&
                        minute >= 0 && minute < 60 && second >= 0 && second < 60 &&
                        millisecond >= 0;
    if (!exists) return std::nullopt;
    return sys_days(date) + hours(hour) + minutes(minute) + seconds(second) +
           milliseconds(millisecond);
}

}  // namespace rollo::common
