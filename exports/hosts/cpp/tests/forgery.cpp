#include "forgery.hpp"

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>

#include "sha256.hpp"

namespace {

constexpr int kGraph = 7, kMetadata = 14, kInitializer = 5, kName = 8, kRawData = 9;

struct Field {
  int number;
  std::string_view raw, payload;
};

std::vector<Field> fields(std::string_view message) {
  std::vector<Field> found;
  const auto number = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(message.front());
      message.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
  };
  while (!message.empty()) {
    const std::string_view start = message;
    const std::uint64_t key = number();
    if ((key & 7) == 0) number();
    const std::uint64_t size = (key & 7) == 2 ? number() : (key & 7) == 1 ? 8 : (key & 7) == 5 ? 4 : 0;
    const std::string_view payload = message.substr(0, size);
    message.remove_prefix(size);
    found.push_back({static_cast<int>(key >> 3), start.substr(0, start.size() - message.size()), payload});
  }
  return found;
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7f) | 0x80);
  return bytes + static_cast<char>(value);
}

std::string field(int number, const std::string& payload) {
  return varint(static_cast<std::uint64_t>(number) << 3 | 2) + varint(payload.size()) + payload;
}

std::string rewrite(std::string_view message, const std::function<std::string(const Field&)>& change) {
  std::string result;
  for (const Field& part : fields(message)) result += change(part);
  return result;
}

bool names(const Field& part, int number, std::string_view text) { return part.number == number && part.payload == text; }

bool is_card(const Field& part) {
  if (part.number != kMetadata) return false;
  for (const Field& entry : fields(part.payload)) {
    if (names(entry, 1, "aetk.card")) return true;
  }
  return false;
}

std::string change_numbers(std::string_view bytes, const std::function<void(std::vector<float>&)>& change) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  change(values);
  return {reinterpret_cast<const char*>(values.data()), bytes.size()};
}

std::string sign(const std::string& model) {
  aetk::Sha256 digest;
  digest.update(rewrite(model, [](const Field& part) { return is_card(part) ? "" : std::string(part.raw); }));
  const std::string hex = digest.hex();
  return rewrite(model, [&](const Field& part) {
    if (!is_card(part)) return std::string(part.raw);
    return field(kMetadata, rewrite(part.payload, [&](const Field& entry) {
                   std::string text(entry.payload);
                   const std::string key = "\"model_sha256\": \"";
                   const std::size_t at = text.find(key);
                   if (at != std::string::npos) text.replace(at + key.size(), hex.size(), hex);
                   return field(entry.number, text);
                 }));
  });
}

}  // namespace

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

std::string forge(const std::string& model, const std::string& initializer, const std::function<void(std::vector<float>&)>& change,
                  bool is_signed) {
  const auto change_tensor = [&](const Field& tensor) {
    if (tensor.number != kInitializer) return std::string(tensor.raw);
    bool is_it = false;
    for (const Field& part : fields(tensor.payload)) is_it = is_it || names(part, kName, initializer);
    if (!is_it) return std::string(tensor.raw);
    return field(kInitializer, rewrite(tensor.payload, [&](const Field& part) {
                   return part.number == kRawData ? field(kRawData, change_numbers(part.payload, change)) : std::string(part.raw);
                 }));
  };
  const std::string changed = rewrite(model, [&](const Field& part) {
    return part.number == kGraph ? field(kGraph, rewrite(part.payload, change_tensor)) : std::string(part.raw);
  });
  return is_signed ? sign(changed) : changed;
}
