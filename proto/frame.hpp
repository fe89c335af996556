// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace rollo::proto {

/// One WebSocket message as it leaves the agent: the header of RFC 6455 §5.2 (a server's frames are
/// not masked, so the bytes are the same for everybody) and the payload, in one immutable block.
/// Copies share the block by a count that is not atomic.
/// Thread: main.
class Frame {
  public:
    Frame() = default;
    static Frame text(std::string_view payload);
    static Frame binary(std::string_view payload);
    /// A ping (RFC 6455 §5.5.2). Not an empty one: of a pong without a payload libwebsockets 4.1
    /// does not tell.
    static Frame ping();
    /// The code and reason of RFC 6455 §5.5.1; at most 123 bytes of reason.
    static Frame close(std::uint16_t code, std::string_view reason);

    Frame(const Frame& other) noexcept : block_(other.block_) {
        if (block_) ++block_->references;
    }
    Frame(Frame&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    Frame& operator=(Frame other) noexcept {
        std::swap(block_, other.block_);
        return *this;
    }
    ~Frame() {
        if (block_ && --block_->references == 0) free(block_);
    }

    explicit operator bool() const { return block_ != nullptr; }
    /// Header and payload.
    std::string_view wire() const { return {bytes(), block_->size}; }
    std::string_view payload() const { return wire().substr(block_->headerSize); }
    bool isText() const { return block_ && (bytes()[0] & 0x0f) == 1; }
    /// A message of text or bytes, and no control frame.
    bool isMessage() const { return block_ && (bytes()[0] & 0x08) == 0; }
    std::size_t size() const { return block_ ? block_->size : 0; }
    /// Bytes of all frames that exist, each counted once however many wait for it.
    static std::size_t bytesAlive() { return bytesAlive_; }
    /// True for two handles of the same block.
    bool operator==(const Frame& other) const { return block_ == other.block_; }

  private:
    struct Block {
        std::uint32_t references;
        std::uint32_t headerSize;
        std::size_t size;
    };

    static Frame make(unsigned char opcode, std::string_view payload);
    static void free(Block* block);
    const char* bytes() const { return reinterpret_cast<const char*>(block_ + 1); }

    static inline std::size_t bytesAlive_ = 0;
    Block* block_ = nullptr;
};

}  // namespace rollo::proto
