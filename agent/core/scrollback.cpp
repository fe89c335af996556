// SPDX-License-Identifier: Apache-2.0
#include "agent/core/scrollback.hpp"

#include <algorithm>
#include <utility>

namespace rollo::core {
namespace {

constexpr std::size_t blockBytes = 16 * 1024;
constexpr std::size_t firstBytes = 512;  ///< what a block begins with; it doubles
/// A guest that reboots without end must not fill the memory with marks.
constexpr std::size_t mostMarks = 1024;

}  // namespace

void Scrollback::append(std::string_view bytes) {
    while (!bytes.empty()) {
        // A boot begins a block of its own, so that the whole of its beginning can be kept.
        const bool fits = !tail_.empty() && tail_.back().bytes.size() < blockBytes &&
                          tail_.back().to() == end_ && tail_.back().from >= bootBegin_;
        if (!fits) {
            tail_.push_back({end_, {}});
            tail_.back().bytes.reserve(firstBytes);
        }
        std::string& block = tail_.back().bytes;
        const std::size_t taken = std::min(bytes.size(), blockBytes - block.size());
        block.append(bytes.substr(0, taken));
        bytes.remove_prefix(taken);
        end_ += taken;
        tailSize_ += taken;
    }
    trim();
}

void Scrollback::skip(Offset bytes) {
    if (bytes == 0) return;
    add({.kind = Mark::Kind::gap, .from = end_, .to = end_ + bytes, .bootId = {}});
    end_ += bytes;
    knownFrom_ = end_;
}

void Scrollback::skipUnknown() {
    knownFrom_ = end_;
    const bool already = !marks_.empty() && marks_.back().kind == Mark::Kind::gap &&
                         marks_.back().approximate && marks_.back().to == end_;
    if (already) return;
    add({.kind = Mark::Kind::gap, .from = end_, .to = end_, .approximate = true, .bootId = {}});
}

void Scrollback::beginBoot(std::optional<std::string> bootId) {
    if (!head_.empty()) dropMarks(head_.front().from, head_.back().to());
    head_.clear();
    headSize_ = 0;
    bootBegin_ = end_;
    mark(Mark::Kind::started, std::move(bootId));
}

void Scrollback::mark(Mark::Kind kind, std::optional<std::string> bootId) {
    add({.kind = kind, .from = end_, .to = end_, .bootId = std::move(bootId)});
}

void Scrollback::add(Mark mark) {
    marks_.push_back(std::move(mark));
    if (marks_.size() <= mostMarks) return;
    marks_.pop_front();
    ++firstMark_;
}

Scrollback::Offset Scrollback::begin() const {
    if (!head_.empty()) return head_.front().from;
    return tail_.empty() ? end_ : tail_.front().from;
}

std::string Scrollback::latest(std::size_t most) const {
    const Offset known = end_ - knownFrom_;
    const Offset wanted = std::min<Offset>(most, known);
    std::string bytes;
    for (auto block = tail_.rbegin(); block != tail_.rend() && bytes.size() < wanted; ++block) {
        const auto missing = static_cast<std::size_t>(wanted) - bytes.size();
        const std::size_t taken = std::min(missing, block->bytes.size());
        bytes.insert(0, block->bytes, block->bytes.size() - taken, taken);
    }
    return bytes;
}

Scrollback::Cursor Scrollback::at(Offset offset) const {
    Cursor cursor{offset, firstMark_};
    // The rest of a gap that the place lies in is told all the same: nothing of it is kept.
    while (cursor.mark - firstMark_ < marks_.size() &&
           marks_[cursor.mark - firstMark_].from < offset)
        ++cursor.mark;
    return cursor;
}

std::optional<Scrollback::Mark> Scrollback::takeMark(Cursor& cursor) const {
    cursor.mark = std::max(cursor.mark, firstMark_);
    const std::size_t index = static_cast<std::size_t>(cursor.mark - firstMark_);
    if (index < marks_.size() && marks_[index].from <= cursor.offset) {
        Mark mark = marks_[index];
        ++cursor.mark;
        if (mark.kind == Mark::Kind::gap && !mark.approximate) {
            mark.from = std::max(mark.from, cursor.offset);
            if (mark.from >= mark.to) return takeMark(cursor);
            cursor.offset = mark.to;
        }
        return mark;
    }
    if (cursor.offset >= end_ || find(cursor.offset)) return std::nullopt;
    const Block* next = firstAfter(cursor.offset);
    Offset to = next ? next->from : end_;
    // Not beyond what happened in between.
    if (index < marks_.size()) to = std::min(to, std::max(marks_[index].from, cursor.offset));
    Mark dropped{.kind = Mark::Kind::gap, .from = cursor.offset, .to = to, .bootId = {}};
    cursor.offset = to;
    return dropped;
}

std::string Scrollback::read(const Cursor& cursor, std::size_t most) const {
    Offset to = std::min<Offset>(end_, cursor.offset + most);
    const auto next = std::max(cursor.mark, firstMark_) - firstMark_;
    if (next < marks_.size()) to = std::min(to, std::max(marks_[next].from, cursor.offset));
    std::string bytes;
    for (Offset at = cursor.offset; at < to;) {
        const Block* block = find(at);
        if (!block) break;
        const auto skipped = static_cast<std::size_t>(at - block->from);
        const auto taken = static_cast<std::size_t>(std::min(to, block->to()) - at);
        bytes.append(block->bytes, skipped, taken);
        at += taken;
    }
    return bytes;
}

const Scrollback::Block* Scrollback::find(const Blocks& blocks, Offset offset) {
    const auto after = std::ranges::upper_bound(blocks, offset, {}, &Block::from);
    if (after == blocks.begin()) return nullptr;
    const Block& block = *std::prev(after);
    return offset < block.to() ? &block : nullptr;
}

const Scrollback::Block* Scrollback::find(Offset offset) const {
    const Block* block = find(tail_, offset);
    return block ? block : find(head_, offset);
}

const Scrollback::Block* Scrollback::firstAfter(Offset offset) const {
    for (const Blocks* blocks : {&head_, &tail_}) {
        const auto after = std::ranges::upper_bound(*blocks, offset, {}, &Block::from);
        if (after != blocks->end()) return &*after;
    }
    return nullptr;
}

void Scrollback::trim() {
    while (tail_.size() > 1 && tailSize_ - tail_.front().bytes.size() >= limits_.bytes) {
        const bool ofBoot =
            tail_.front().from >= bootBegin_ && tail_.front().from < bootBegin_ + limits_.bootBytes;
        if (!ofBoot) {
            dropFront(tail_, tailSize_);
            continue;
        }
        headSize_ += tail_.front().bytes.size();
        tailSize_ -= tail_.front().bytes.size();
        head_.push_back(std::move(tail_.front()));
        tail_.pop_front();
    }
}

void Scrollback::dropFront(Blocks& blocks, std::size_t& size) {
    size -= blocks.front().bytes.size();
    dropMarks(blocks.front().from, blocks.front().to());
    blocks.pop_front();
}

/// Those of what is dropped mean nothing any more.
void Scrollback::dropMarks(Offset from, Offset to) {
    const auto old = [&](const Mark& mark) { return mark.from >= from && mark.to < to; };
    // The numbers of the others stay, so that only from the front something can go.
    while (!marks_.empty() && (old(marks_.front()) || marks_.front().to < begin())) {
        marks_.pop_front();
        ++firstMark_;
    }
}

void Scrollback::shrink(std::size_t bytes) {
    while (size() > bytes && !head_.empty()) dropFront(head_, headSize_);
    while (size() > bytes && !tail_.empty()) dropFront(tail_, tailSize_);
}

}  // namespace rollo::core
