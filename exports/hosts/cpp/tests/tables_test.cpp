#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "check.hpp"
#include "formats_fixture.hpp"
#include "json.hpp"

namespace {

using namespace aetk;

float expected_value(const Json& json) {
  if (json.is_number()) return static_cast<float>(json.number());
  if (json.string() == "nan") return std::numeric_limits<float>::quiet_NaN();
  return json.string() == "inf" ? std::numeric_limits<float>::infinity() : -std::numeric_limits<float>::infinity();
}

bool same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

void check_values(const std::string& name, const Json& rows, const std::vector<float>& values) {
  std::size_t i = 0;
  for (const Json& row : rows.array()) {
    for (const Json& cell : row.array()) {
      check(i < values.size() && same(values[i], expected_value(cell)), name + ": value " + std::to_string(i));
      ++i;
    }
  }
  check(i == values.size(), name + ": as many values");
}

void check_case(const Json& fixture, const Folder& folder, std::size_t padding) {
  const std::string name = fixture.at("name").string();
  std::vector<std::string> columns;
  for (const Json& column : fixture.at("columns").array()) columns.push_back(column.string());
  std::string bytes = latin1(fixture.at("header").string());
  for (std::size_t i = 0; i < padding; ++i) bytes += "0,0,0\n";
  const std::string path = folder.write("table.csv", bytes + latin1(fixture.at("body").string()));
  std::vector<float> values;
  std::string message;
  const int code = problem_of([&] { values = read_all(path, plain(columns)); }, &message);
  const Json* error = fixture.find("error");
  check(code == (error != nullptr ? static_cast<int>(error->at("exit_code").number()) : 0), name + ": " + message);
  if (error == nullptr) {
    if (padding == 0) check_values(name, fixture.at("rows"), values);
    return;
  }
  if (!error->at("line").is_null()) {
    const std::string line = ", line " + std::to_string(error->at("line").count() + padding);
    check(message.find(line) != std::string::npos, name + ": expected" + line + " in: " + message);
  }
  if (!error->at("column").is_null()) {
    const std::string column = "column '" + error->at("column").string() + "'";
    check(message.find(column) != std::string::npos, name + ": expected " + column + " in: " + message);
  }
}

void awkward_tables() {
  if (skipped_without(kAwkward, "the awkward tables")) return;
  const Json json = Json::parse(whole_file(kAwkward));
  const Folder folder;
  for (const Json& fixture : json.at("cases").array()) check_case(fixture, folder, 0);
  // the verdict must not depend on where a batch ends
  for (const Json& fixture : json.at("cases").array()) {
    if (fixture.at("header").string() == "a,note,b\n") check_case(fixture, folder, 4095);
  }
}

void longest_row() {
  const Folder folder;
  const std::string cell((1u << 24) - 3, 'x');
  const auto message = [&](const std::string& bytes) {
    std::string found;
    problem_of([&] { read_all(folder.write("table.csv", bytes), plain({"a"})); }, &found);
    return found.substr(std::min(found.find(", line"), found.size()));
  };
  check(message("a,b\n1," + cell + "\n").empty(), "a row at the limit");
  check(message("a,b\n1,2\n1,y" + cell + "\n") == ", line 3: the row is longer than 16 MiB.", "one over it");
  check(message("a,b\n\xff" + cell + "yyy") == ", line 2: the row is longer than 16 MiB.", "whatever it holds");
  check(message("a,b" + cell + "y") == ", line 1: the row is longer than 16 MiB.", "a header");
  std::string lines = "a,b\n1,\"";
  for (int i = 0; i < 1 << 22; ++i) lines += "\xc3\xa9y\n";
  check(message(lines) == ", line 2: the row is longer than 16 MiB.", "a quote that is never closed");
}

void values_beyond_float32() {
  const Folder folder;
  const auto values = read_all(folder.write("table.csv", "a\n1e39\n-1e39\n3.4028235e38\n1e-46\n"), plain({"a"}));
  check(std::isinf(values[0]) && std::isinf(values[1]) && values[1] < 0, "beyond float32 is infinite");
  check(values[2] == std::numeric_limits<float>::max(), "float32's largest");
  check(values[3] == 0, "less than float32's smallest is zero");
}

void order_of_faults() {
  const Folder folder;
  const auto message = [&](std::string_view bytes) {
    std::string found;
    problem_of([&] { read_all(folder.write("table.csv", bytes), plain({"a", "b"})); }, &found);
    return found.substr(found.find(", line"));
  };
  check(message("a,b\n1,\"x\n\xff\",2\n") == ", line 3: not UTF-8 text.", "the physical line that is not UTF-8");
  check(message("a,b\n1,y\n\xff\n") == ", line 2, column 'b': found 'y', expected a number.", "the first fault first");
  check(message("a,b\n1,2\r3\n").find(", line 2: found a carriage return without") == 0, "a lone carriage return");
  check(message("a,b\n\"3\"4,5\n") == ", line 2: found text after a closing quote; expected a comma or the end of the line.", "text after a quote");
  check(message("a,b\n1,2\n\"3\n\n") == ", line 3: a quote is opened and never closed.", "a quote without an end");
  check(message("a,b\n1,\xc2\xa0" + std::string(50, 'z') + "\n") ==
            ", line 2, column 'b': found '\\u00a0" + std::string(36, 'z') + "...', expected a number.",
        "a long cell with an invisible character");
  std::string accents;
  for (int i = 0; i < 40; ++i) accents += "\xc3\xa9";
  check(message("a,b\n1," + accents + "\n").find("'" + accents + "'") != std::string::npos, "40 characters");
}

}  // namespace

void test_tables() {
  awkward_tables();
  longest_row();
  values_beyond_float32();
  order_of_faults();
}
