#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aetk {

/// The bytes of padded base64 (RFC 4648, section 4); nothing if it is none.
std::optional<std::string> decode_base64(std::string_view text);

/// The little-endian float32 or float64 numbers in base64; nothing if it holds no whole number of them.
template <typename Float>
std::optional<std::vector<Float>> decode_numbers(std::string_view text) {
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the card's numbers are little-endian, and so are ONNX Runtime's machines"
#endif
  const auto bytes = decode_base64(text);
  if (!bytes || bytes->size() % sizeof(Float) != 0) return std::nullopt;
  std::vector<Float> numbers(bytes->size() / sizeof(Float));
  if (!numbers.empty()) std::memcpy(numbers.data(), bytes->data(), bytes->size());
  return numbers;
}

}  // namespace aetk
