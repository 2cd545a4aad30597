#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aetk {

/// Bytes of base64 text (RFC 4648, padded); std::invalid_argument for anything else.
std::string decode_base64(std::string_view text);

/// Little-endian float32 numbers of base64 text.
std::vector<float> decode_floats(std::string_view text);

}  // namespace aetk
