#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace aetk {

/// One field of a protobuf message; the views live as long as the message.
struct Field {
  std::string_view bytes;    ///< all of it
  std::uint64_t number;      ///< which field
  std::string_view payload;  ///< what it holds, empty for a varint
};

/// The fields of a message, without what is nested in them. Throws std::invalid_argument for bytes that are no message.
std::vector<Field> read_fields(std::string_view message);

}  // namespace aetk
