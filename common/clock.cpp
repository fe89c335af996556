// SPDX-License-Identifier: Apache-2.0
#include "common/clock.hpp"

namespace rollo::common {

namespace {

/// Writes `value` right-aligned into the `digits` characters at `at`.
void putDigits(char* at, int digits, unsigned value) {
    for (char* digit = at + digits; digit != at; value /= 10)
        *--digit = static_cast<char>('0' + value % 10);
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

}  // namespace rollo::common
