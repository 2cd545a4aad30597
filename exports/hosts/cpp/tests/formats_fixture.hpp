#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reading.hpp"
#include "table.hpp"
#include "utf8.hpp"

/// The bytes for which a text's characters stand, one each.
inline std::string latin1(std::string_view text) {
  std::string bytes;
  while (!text.empty()) bytes.push_back(static_cast<char>(aetk::take_code_point(text)));
  return bytes;
}

/// The values of all rows of a table.
inline std::vector<float> read_all(const std::string& path, const aetk::Reading& reading) {
  std::vector<float> values;
  aetk::Table table(path, reading, std::nullopt);
  for (aetk::Batch batch; table.read(batch);) values.insert(values.end(), batch.values.begin(), batch.values.end());
  return values;
}

/// The reading of columns of numbers in the default format.
inline aetk::Reading plain(const std::vector<std::string>& columns) {
  aetk::Reading reading;
  for (const std::string& column : columns) {
    reading.features.emplace_back();
    reading.features.back().column = column;
  }
  return reading;
}
