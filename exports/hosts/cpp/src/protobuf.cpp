#include "protobuf.hpp"

#include <stdexcept>

namespace aetk {
namespace {

constexpr std::uint64_t kLargestTag = 0xffffffff;

[[noreturn]] void refuse() { throw std::invalid_argument("not a protobuf message"); }

}  // namespace

std::optional<Field> FieldReader::next() {
  if (position_ == message_.size()) return std::nullopt;
  const std::size_t start = position_;
  const std::uint64_t tag = take_varint();
  if (tag > kLargestTag) refuse();
  const std::uint64_t size = payload_size(tag & 7);
  if (size > message_.size() - position_) refuse();
  const std::string_view payload = message_.substr(position_, static_cast<std::size_t>(size));
  position_ += payload.size();
  return Field{message_.substr(start, position_ - start), tag >> 3, payload};
}

std::uint64_t FieldReader::take_varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 70 && position_ < message_.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(message_[position_++]);
    const std::uint64_t bits = byte & 0x7f;
    if (shift == 63 && bits > 1) refuse();
    value |= bits << shift;
    if (byte < 0x80) return value;
  }
  refuse();
}

std::uint64_t FieldReader::payload_size(std::uint64_t wire_type) {
  switch (wire_type) {
    case 0:
      take_varint();
      return 0;
    case 1:
      return 8;
    case 2:
      return take_varint();
    case 5:
      return 4;
    default:
      refuse();
  }
}

}  // namespace aetk
