// SPDX-License-Identifier: Apache-2.0
#include "common/random.hpp"

#include <sys/random.h>

#include <cerrno>
#include <system_error>
#include <vector>

namespace rollo::common {

std::string randomHex(std::size_t bytes) {
    std::vector<unsigned char> raw(bytes);
    for (std::size_t filled = 0; filled < bytes;) {
        const ssize_t got = getrandom(raw.data() + filled, bytes - filled, 0);
        if (got < 0 && errno != EINTR)
            throw std::system_error(errno, std::system_category(), "getrandom");
        if (got > 0) filled += static_cast<std::size_t>(got);
    }
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(bytes * 2);
    for (const unsigned char byte : raw) {
        text.push_back(digits[byte >> 4]);
        text.push_back(digits[byte & 15]);
    }
    return text;
}

}  // namespace rollo::common
