// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace rollo::core {

/// What a serial device has printed, by absolute offsets that never begin anew: the beginning of
/// the guest's present boot and the latest output are kept, what lies between is dropped first.
/// Beside the bytes stand marks: what happened there, and where output is missing.
/// Thread: main.
class Scrollback {
  public:
    using Offset = std::uint64_t;

    struct Limits {
        std::size_t bytes = std::size_t{1} << 20;        ///< of the latest output
        std::size_t bootBytes = std::size_t{256} << 10;  ///< of the beginning of the boot
    };
    struct Mark {
        enum class Kind { gap, started, reboot, stopped };
        Kind kind;
        Offset from;
        Offset to;  ///< the same as `from`, unless it is a gap of known size
        /// Of a gap: nobody knows how much is missing.
        bool approximate = false;
        std::optional<std::string> bootId;
    };
    /// Where a reader is. Between two marks at one offset it is in front of one of them.
    struct Cursor {
        Offset offset = 0;
        std::uint64_t mark = 0;  ///< the number of the next one
    };

    explicit Scrollback(const Limits& limits) : limits_(limits) {}

    void append(std::string_view bytes);
    /// So much was lost on its way here.
    void skip(Offset bytes);
    /// Something may be missing at this place.
    void skipUnknown();
    /// A new process of the guest: its beginning is kept from here on, that of the former is not.
    void beginBoot(std::optional<std::string> bootId);
    void mark(Mark::Kind kind, std::optional<std::string> bootId);

    /// Of the first byte that is kept, and after the last.
    Offset begin() const;
    Offset end() const { return end_; }
    Offset bootBegin() const { return bootBegin_; }
    /// Bytes that are kept.
    std::size_t size() const { return headSize_ + tailSize_; }
    /// The last of them, at most so many, as far as nothing is missing between.
    std::string latest(std::size_t most) const;

    /// A cursor there, in front of the marks at that place.
    Cursor at(Offset offset) const;
    /// The mark in front of which the reader is, and takes it past that. What is not kept any more
    /// is a gap like any other.
    std::optional<Mark> takeMark(Cursor& cursor) const;
    /// What follows: at most so many bytes, not beyond the next mark. Empty: there is a mark, or
    /// nothing yet.
    std::string read(const Cursor& cursor, std::size_t most) const;

    /// Drops the oldest until no more is kept than that.
    void shrink(std::size_t bytes);

  private:
    struct Block {
        Offset from;
        std::string bytes;
        Offset to() const { return from + bytes.size(); }
    };
    using Blocks = std::deque<Block>;

    static const Block* find(const Blocks& blocks, Offset offset);
    const Block* find(Offset offset) const;
    const Block* firstAfter(Offset offset) const;
    void trim();
    void dropFront(Blocks& blocks, std::size_t& size);
    void dropMarks(Offset from, Offset to);
    void add(Mark mark);

    Limits limits_;
    Offset end_ = 0;
    Offset bootBegin_ = 0;
    Offset knownFrom_ = 0;  ///< the end of the last gap
    Blocks head_;
    Blocks tail_;
    std::size_t headSize_ = 0;
    std::size_t tailSize_ = 0;
    std::deque<Mark> marks_;
    std::uint64_t firstMark_ = 0;  ///< the number of the first that is kept
};

}  // namespace rollo::core
