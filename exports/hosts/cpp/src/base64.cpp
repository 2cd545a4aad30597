#include "base64.hpp"

#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace aetk {
namespace {

std::uint32_t value_of(char letter) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t found = kAlphabet.find(letter);
  if (found == std::string_view::npos) throw std::invalid_argument("not base64");
  return static_cast<std::uint32_t>(found);
}

}  // namespace

std::string decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) throw std::invalid_argument("not base64");
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    const bool last = at + 4 == text.size();
    const int padding = !last || text[at + 3] != '=' ? 0 : text[at + 2] != '=' ? 1 : 2;
    std::uint32_t group = 0;
    for (int i = 0; i < 4; ++i) group = group << 6 | (i < 4 - padding ? value_of(text[at + i]) : 0);
    for (int i = 0; i < 3 - padding; ++i) bytes += static_cast<char>(group >> (16 - 8 * i));
  }
  return bytes;
}

std::vector<float> decode_floats(std::string_view text) {
  const std::string bytes = decode_base64(text);
  if (bytes.size() % 4 != 0) throw std::invalid_argument("not whole numbers");
  std::vector<float> numbers(bytes.size() / 4);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    std::uint32_t bits = 0;
    for (int j = 3; j >= 0; --j) bits = bits << 8 | static_cast<unsigned char>(bytes[4 * i + j]);
    std::memcpy(&numbers[i], &bits, sizeof bits);
  }
  return numbers;
}

}  // namespace aetk
