// SPDX-License-Identifier: Apache-2.0
#include "proto/frame.hpp"

#include <cstring>
#include <new>
#include <string>

namespace rollo::proto {
namespace {

constexpr unsigned char finalFragment = 0x80;
constexpr unsigned char opcodeText = 0x1;
constexpr unsigned char opcodeBinary = 0x2;
constexpr unsigned char opcodeClose = 0x8;
constexpr unsigned char opcodePing = 0x9;
constexpr std::size_t longestHeader = 10;

/// RFC 6455 §5.2: 7 bits of length, or 126 and 16 bits, or 127 and 64 bits.
std::size_t writeHeader(unsigned char* out, unsigned char opcode, std::uint64_t length) {
    out[0] = static_cast<unsigned char>(finalFragment | opcode);
    std::size_t extended = 0;
    if (length < 126) {
        out[1] = static_cast<unsigned char>(length);
    } else if (length <= 0xffff) {
        out[1] = 126;
        extended = 2;
    } else {
        out[1] = 127;
        extended = 8;
    }
    for (std::size_t i = 0; i < extended; ++i)
        out[2 + i] = static_cast<unsigned char>(length >> (8 * (extended - 1 - i)));
    return 2 + extended;
}

}  // namespace

Frame Frame::make(unsigned char opcode, std::string_view payload) {
    unsigned char header[longestHeader];
    const std::size_t headerSize = writeHeader(header, opcode, payload.size());
    void* memory = ::operator new(sizeof(Block) + headerSize + payload.size());
    Frame frame;
    frame.block_ =
        new (memory) Block{1, static_cast<std::uint32_t>(headerSize), headerSize + payload.size()};
    bytesAlive_ += frame.size();
    auto* out = reinterpret_cast<char*>(frame.block_ + 1);
    std::memcpy(out, header, headerSize);
    if (!payload.empty()) std::memcpy(out + headerSize, payload.data(), payload.size());
    return frame;
}

Frame Frame::text(std::string_view payload) {
    return make(opcodeText, payload);
}

Frame Frame::binary(std::string_view payload) {
    return make(opcodeBinary, payload);
}

Frame Frame::ping() {
    return make(opcodePing, "?");
}

Frame Frame::close(std::uint16_t code, std::string_view reason) {
    std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
    payload += reason.substr(0, 123);
    return make(opcodeClose, payload);
}

void Frame::free(Block* block) {
    bytesAlive_ -= block->size;
    ::operator delete(block);
}

}  // namespace rollo::proto
