#include "score_table.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "atomic_file.hpp"
#include "files.hpp"
#include "number.hpp"
#include "table.hpp"

namespace aetk {
namespace {

constexpr std::string_view kShare = "contribution:";

void check_names(const Detector& detector, const std::string& data, const std::string& out,
                 const std::optional<std::string>& key) {
  std::error_code ignored;
  const bool is_folder = out != kStandard && std::filesystem::is_directory(out, ignored);
  if (is_folder || (out != kStandard && std::filesystem::is_block_file(out, ignored))) {
    const char* what = is_folder ? "a folder" : "no regular file";
    throw Problem(out + " is " + what + "; expected a file name.", "Name a file.");
  }
  if (same_file(out, data) || same_file(out, detector.path())) {
    throw Problem(out + " would be overwritten; it is read here.", "Name another file with --out.");
  }
  if (!key) return;
  const bool written = *key == "similarity" || *key == "is_anomaly" || *key == "is_valid" ||
                       std::string_view(*key).substr(0, kShare.size()) == kShare;
  if (written) throw Problem("--id " + *key + " is the name of a column that is written; rename it in " + data + ".");
}

/// Whether a spreadsheet may take a text for a formula: by its first character, of ASCII or in full width.
bool is_formula(std::string_view text) {
  constexpr std::array<std::string_view, 11> kStarts{"=",  "+",  "-",      "@",      "\t",     "\r",
                                                     "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"};
  const auto begins = [&](std::string_view start) { return text.substr(0, start.size()) == start; };
  return std::any_of(kStarts.begin(), kStarts.end(), begins) && !is_decimal(text);
}

/// Appends a text as a cell: an apostrophe before a formula, and quotes where a reader would take it for something else.
void append_cell(std::string& line, std::string_view text) {
  const bool quoted = text.find_first_of(",\"\r\n") != std::string_view::npos;
  if (quoted) line.push_back('"');
  if (is_formula(text)) line.push_back('\'');
  for (const char c : text) line.append(c == '"' ? 2 : 1, c);
  if (quoted) line.push_back('"');
}

std::string header(const Detector& detector, const std::optional<std::string>& key) {
  std::string line;
  append_cell(line, key.value_or("row"));
  line += ",similarity,is_anomaly,is_valid";
  if (detector.explains()) {
    for (const std::string& name : detector.features()) {
      line.push_back(',');
      append_cell(line, std::string(kShare) + name);
    }
  }
  return line + "\n";
}

void append_row(std::string& text, const Scores& scores, std::size_t i) {
  text.push_back(',');
  append_number(text, scores.similarity[i]);
  text += scores.is_anomaly[i] != 0 ? ",1" : ",0";
  text += scores.is_valid[i] != 0 ? ",1" : ",0";
  const std::size_t shares = scores.contribution.size() / scores.similarity.size();
  for (std::size_t k = i * shares; k < (i + 1) * shares; ++k) {
    text.push_back(',');
    append_number(text, scores.contribution[k]);
  }
  text.push_back('\n');
}

}  // namespace

Counts score_table(const Detector& detector, const std::string& data, const std::string& out,
                   const std::optional<std::string>& key) {
  check_names(detector, data, out, key);
  AtomicFile file(out);
  Table table(data, detector.reading(), key);
  Counts counts;
  std::string text = header(detector, key);
  for (Batch batch; table.read(batch);) {
    const Scores scores = detector.score(batch.values.data(), batch.rows);
    for (std::size_t i = 0; i < batch.rows; ++i) {
      ++counts.rows;
      counts.anomalies += scores.is_anomaly[i];
      counts.not_judged += scores.is_valid[i] == 0;
      if (key) {
        append_cell(text, batch.keys[i]);
      } else {
        text += std::to_string(counts.rows);
      }
      append_row(text, scores, i);
    }
    file.write(text);
    text.clear();
  }
  if (counts.rows == 0) throw Problem(titled(data, "standard input") + " has a header and no rows.", "Name a table with rows.");
  file.keep();
  return counts;
}

}  // namespace aetk
