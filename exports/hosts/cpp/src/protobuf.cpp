#include "protobuf.hpp"

#include <stdexcept>

namespace aetk {
namespace {

[[noreturn]] void refuse() { throw std::invalid_argument("not a protobuf message"); }

std::uint64_t take_varint(std::string_view message, std::size_t& position) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 70 && position < message.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(message[position++]);
    const std::uint64_t bits = byte & 0x7f;
    if (shift == 63 && bits > 1) refuse();
    value |= bits << shift;
    if (byte < 0x80) return value;
  }
  refuse();
}

std::uint64_t payload_size(std::uint64_t wire_type, std::string_view message, std::size_t& position) {
  switch (wire_type) {
    case 0:
      take_varint(message, position);
      return 0;
    case 1:
      return 8;
    case 2:
      return take_varint(message, position);
    case 5:
      return 4;
    default:
      refuse();
  }
}

}  // namespace

std::vector<Field> read_fields(std::string_view message) {
  std::vector<Field> fields;
  for (std::size_t position = 0; position < message.size();) {
    const std::size_t start = position;
    const std::uint64_t key = take_varint(message, position);
    const std::uint64_t size = payload_size(key & 7, message, position);
    if (size > message.size() - position) refuse();
    const std::size_t end = position + static_cast<std::size_t>(size);
    fields.push_back({message.substr(start, end - start), key >> 3, message.substr(position, end - position)});
    position = end;
  }
  return fields;
}

}  // namespace aetk
