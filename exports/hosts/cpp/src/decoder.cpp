#include "decoder.hpp"

#include <array>

#include "utf8.hpp"

namespace aetk {
namespace {

using Charset = TableFormat::Charset;

constexpr char kNoText = '\xff';
constexpr std::uint32_t kMark = 0xfeff, kMarkSwapped = 0xfffe;

/// Windows-1252 from 0x80 to 0x9f; 0 where it has nothing.
constexpr std::array<std::uint16_t, 32> kWindows{
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0,
    0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178};

}  // namespace

void Decoder::append(std::string& text, std::string_view bytes) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (charset_ == Charset::utf16) {
      if (half_ < 0) {
        half_ = byte;
        continue;
      }
      const auto half = static_cast<std::uint32_t>(half_);
      half_ = -1;
      append_unit(text, is_big_endian_ ? half << 8 | byte : std::uint32_t{byte} << 8 | half);
    } else if (charset_ == Charset::cp1252 && byte >= 0x80 && byte < 0xa0) {
      const std::uint32_t code_point = kWindows[byte - 0x80u];
      code_point == 0 ? text.push_back(kNoText) : append_code_point(text, code_point);
    } else if (byte < 0x80 || charset_ == Charset::utf8) {
      text.push_back(c);
    } else {
      append_code_point(text, byte);
    }
  }
}

void Decoder::append_unit(std::string& text, std::uint32_t unit) {
  if (is_first_ && unit == kMarkSwapped) {
    is_big_endian_ = true;
    unit = kMark;
  }
  is_first_ = false;
  if (unit < 0x80 && high_ == 0) return text.push_back(static_cast<char>(unit));
  const bool is_low = unit >= 0xdc00 && unit <= 0xdfff;
  if (high_ != 0 && is_low) {
    append_code_point(text, 0x10000 + ((high_ - 0xd800) << 10) + (unit - 0xdc00));
    high_ = 0;
    return;
  }
  if (high_ != 0 || is_low) text.push_back(kNoText);
  high_ = unit >= 0xd800 && unit <= 0xdbff ? unit : 0;
  if (high_ == 0 && !is_low) append_code_point(text, unit);
}

void Decoder::finish(std::string& text) {
  if (half_ >= 0 || high_ != 0) text.push_back(kNoText);
  half_ = -1;
  high_ = 0;
}

const char* called(Charset charset) {
  switch (charset) {
    case Charset::utf8: break;
    case Charset::utf16: return "UTF-16";
    case Charset::cp1252: return "Windows-1252";
    case Charset::latin1: return "Latin-1";
  }
  return "UTF-8";
}

}  // namespace aetk
