#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <vector>

#include "cells.hpp"
#include "checks.hpp"
#include "forgery.hpp"
#include "json.hpp"
#include "problem.hpp"
#include "table.hpp"
#include "utf8.hpp"

namespace {

constexpr const char* kOwn = R"({"cases": [
  {"name": "CRLF and a quoted newline", "header": "a,note,b\r\n", "body": "1,\"two\r\nlines\",2\r\n", "columns": ["b", "a"], "rows": [[2, 1]]},
  {"name": "missing and infinite", "header": "a,b\n", "body": ",NaN\n-inf,1e400", "columns": ["a", "b"], "rows": [["nan", "nan"], ["-inf", "inf"]]},
  {"name": "an underscore", "header": "a,b\n", "body": "1,2\n3,1_000\n", "columns": ["a", "b"], "error": {"exit_code": 2, "line": 3, "column": "b"}},
  {"name": "Arabic digits", "header": "a\n", "body": "\u00d9\u00a1\n", "columns": ["a"], "error": {"exit_code": 2, "line": 2, "column": "a"}},
  {"name": "not UTF-8", "header": "a,b\n", "body": "1,2\n\u00e9,2\n", "columns": ["a", "b"], "error": {"exit_code": 2, "line": 3, "column": null}}
]})";

/// Text whose characters stand for bytes.
std::string as_bytes(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const aetk::Character character = aetk::first_character(text);
    bytes += static_cast<char>(character.point);
    text.remove_prefix(character.bytes);
  }
  return bytes;
}

std::vector<float> read(const std::string& bytes, const std::vector<std::string>& columns, std::size_t piece) {
  std::vector<float> values;
  aetk::TableReader reader("t.csv", columns, std::nullopt, [&](const aetk::Batch& batch) {
    values.insert(values.end(), batch.values.begin(), batch.values.end());
  });
  for (std::size_t at = 0; at < bytes.size(); at += piece) reader.push(std::string_view(bytes).substr(at, piece));
  reader.end();
  return values;
}

float expected(const aetk::Json& cell) {
  try {
    return static_cast<float>(cell.number());
  } catch (const std::invalid_argument&) {
    return static_cast<float>(*aetk::parse_cell(cell.text()));
  }
}

void check_case(const aetk::Json& awkward, std::size_t piece) {
  const std::string bytes = as_bytes(awkward.at("header").text() + awkward.at("body").text());
  std::vector<std::string> columns;
  for (const aetk::Json& name : awkward.at("columns").items()) columns.push_back(name.text());
  if (awkward.has("rows")) {
    std::vector<float> wanted;
    for (const aetk::Json& row : awkward.at("rows").items()) {
      for (const aetk::Json& cell : row.items()) wanted.push_back(expected(cell));
    }
    const std::vector<float> found = read(bytes, columns, piece);
    check(found.size() == wanted.size(), "the number of values");
    for (std::size_t i = 0; i < found.size(); ++i) {
      check(found[i] == wanted[i] || (std::isnan(found[i]) && std::isnan(wanted[i])), "value " + std::to_string(i));
    }
    return;
  }
  const aetk::Json& error = awkward.at("error");
  const auto line = error.at("line").is_null() ? "" : "line " + std::to_string(static_cast<int>(error.at("line").number()));
  const auto column = error.at("column").is_null() ? "" : "column '" + error.at("column").text() + "'";
  for (const std::string& words : {line, column}) {
    check_problem(static_cast<int>(error.at("exit_code").number()), words, [&] { read(bytes, columns, piece); });
  }
}

}  // namespace

void test_tables() {
  std::vector<aetk::Json> cases = aetk::Json::parse(kOwn).at("cases").items();
  // every reader of aetk's is held to its tables; an app by itself has the few above
  const char* named = std::getenv("AETK_AWKWARD");
  const std::string path = named != nullptr ? named : "../../../tests/tables/awkward.json";
  if (std::filesystem::exists(path)) {
    const aetk::Json shared = aetk::Json::parse(read_file(path));
    cases.insert(cases.end(), shared.at("cases").items().begin(), shared.at("cases").items().end());
  }
  for (const aetk::Json& awkward : cases) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
      test(awkward.at("name").text() + ", in pieces of " + std::to_string(piece), [&] { check_case(awkward, piece); });
    }
  }

  test("numbers at the ends of float64 and float32 are infinite or zero", [] {
    const double infinite = std::numeric_limits<double>::infinity();
    check(aetk::parse_cell("1" + std::string(400, '0')) == infinite, "many digits");
    check(aetk::parse_cell("-1" + std::string(400, '0')) == -infinite, "and a sign");
    check(aetk::parse_cell("0." + std::string(400, '0') + "1") == 0.0, "many zeros");
    check(aetk::parse_cell("0.001e400") == infinite, "an exponent that outweighs them");
    check(aetk::parse_cell("1000e-400") == 0.0, "or not");
    check(aetk::parse_cell("1e99999999999999999999") == infinite, "an exponent beyond all bounds");
    check(aetk::parse_cell("1e-99999999999999999999") == 0.0, "below all bounds");
    check(aetk::parse_cell("0e99999999999999999999") == 0.0, "of nothing");
    check(std::isinf(static_cast<float>(*aetk::parse_cell("3.5e38"))), "float32");
  });

  test("a float is written so that it is read back", [] {
    for (const float value : {0.1f, 1.0f, -1.0f, 3.4028235e38f, 1e-45f, 0.99999994f, 0.0f}) {
      check(static_cast<float>(*aetk::parse_cell(aetk::format_float(value))) == value, aetk::format_float(value));
    }
    check(aetk::format_float(0.1f) == "0.1", "in few digits");
  });

  test("a cell is shown shortened and with what would not be seen", [] {
    check(aetk::show_cell(std::string(41, 'x')) == std::string(37, 'x') + "...", "shortened");
    check(aetk::show_cell("\xc2\xa0 \t\xe2\x80\x8f\xc3\xa9") == "\\u00a0 \\u0009\\u200f\xc3\xa9", "escaped");
  });

  test("a line of ten million characters is read", [] {
    const std::string text = "x,note\n1,\"" + std::string(10'000'000, 'a') + "\"\n2,b\n";
    check(read(text, {"x"}, 65'536) == std::vector<float>({1, 2}), "its numbers");
    check_problem(2, "field larger than field limit (16777216)",
                  [] { read("x,note\n1," + std::string((1 << 24) + 1, 'a'), {"x"}, 1 << 20); });
  });
}
