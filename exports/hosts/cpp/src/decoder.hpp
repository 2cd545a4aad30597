#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "reading.hpp"

namespace aetk {

/// Turns bytes of another encoding, which come in pieces, into UTF-8. What is not text in it becomes a byte that is not
/// UTF-8, so that whoever reads the lines finds it in its line.
class Decoder {
 public:
  explicit Decoder(TableFormat::Charset charset) : charset_(charset) {}

  void append(std::string& text, std::string_view bytes);
  /// To be called after the last bytes.
  void finish(std::string& text);

 private:
  void append_unit(std::string& text, std::uint32_t unit);

  TableFormat::Charset charset_;
  bool is_first_ = true, is_big_endian_ = false;
  int half_ = -1;           // the first byte of a unit of UTF-16
  std::uint32_t high_ = 0;  // the first half of a surrogate pair
};

/// How messages call an encoding.
const char* called(TableFormat::Charset charset);

}  // namespace aetk
