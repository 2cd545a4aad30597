#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace aetk {

/// One field of a protobuf message; the views live as long as the message.
struct Field {
  std::string_view bytes;    ///< all of it
  std::uint64_t number;      ///< which field
  std::string_view payload;  ///< what it holds, empty for a varint
};

/// The fields of a message one by one, without what is nested in them.
class FieldReader {
 public:
  explicit FieldReader(std::string_view message) : message_(message) {}

  /// The next field; nothing at the end. Throws std::invalid_argument for bytes that are not a message.
  std::optional<Field> next();

 private:
  std::uint64_t take_varint();
  std::uint64_t payload_size(std::uint64_t wire_type);

  std::string_view message_;
  std::size_t position_ = 0;
};

}  // namespace aetk
