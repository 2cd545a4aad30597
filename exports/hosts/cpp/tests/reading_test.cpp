#include <chrono>
#include <cmath>
#include <limits>
#include <map>

#include "check.hpp"
#include "formats_fixture.hpp"
#include "json.hpp"
#include "times.hpp"
#include "values.hpp"

namespace {

using namespace aetk;

float expected_value(const Json& json) {
  if (json.is_null()) return std::numeric_limits<float>::quiet_NaN();
  if (json.is_number()) return static_cast<float>(json.number());
  return json.string() == "inf" ? std::numeric_limits<float>::infinity() : -std::numeric_limits<float>::infinity();
}

bool near(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) < 1e-6f; }

void check_rows(const std::string& name, const Json& rows, const std::vector<float>& values) {
  std::size_t i = 0;
  for (const Json& row : rows.array()) {
    for (const Json& cell : row.array()) {
      check(i < values.size() && near(values[i], expected_value(cell)), name + ": value " + std::to_string(i));
      ++i;
    }
  }
  check(i == values.size(), name + ": as many values");
}

void check_case(const Json& fixture, const Folder& folder) {
  const std::string name = fixture.at("name").string();
  const std::string path = folder.write("table.csv", latin1(fixture.at("content").string()));
  std::vector<float> values;
  std::string message;
  const int code = problem_of([&] { values = read_all(path, read_reading(fixture)); }, &message);
  const Json* error = fixture.find("error");
  check(code == (error != nullptr ? 2 : 0), name + ": " + message);
  if (error == nullptr) return check_rows(name, fixture.at("rows"), values);
  const auto says = [&](const char* before, const Json& what) {
    std::string expected = before;
    if (!what.is_null()) expected += what.is_string() ? what.string() + "'" : std::to_string(what.count());
    check((message.find(expected) != std::string::npos) != what.is_null(), name + ": " + expected + " in: " + message);
  };
  says(", line ", error->at("line"));
  says(", column '", error->at("column"));
}

void tables_in_other_formats() {
  if (skipped_without(kFormats, "tables in other formats")) return;
  const Json json = Json::parse(whole_file(kFormats));
  const Folder folder;
  for (const Json& fixture : json.at("cases").array()) check_case(fixture, folder);
}

/// A reading of features x, y, ... whose keys are given as JSON, of files in a format of which some keys are given.
Reading reading_of(const std::string& table, const std::vector<std::string>& features) {
  std::string listed;
  for (const std::string& feature : features) listed += (listed.empty() ? "{" : ", {") + feature + "}";
  return read_reading(Json::parse("{\"table\": " + table + ", \"features\": [" + listed + "]}"));
}

std::string message_of(const std::string& bytes, const Reading& reading) {
  const Folder folder;
  std::string message;
  problem_of([&] { read_all(folder.write("t.csv", bytes), reading); }, &message);
  return message.substr(std::min(message.find("t.csv") + 5, message.size()));
}

std::vector<float> values_of(const std::string& bytes, const Reading& reading) {
  const Folder folder;
  return read_all(folder.write("t.csv", bytes), reading);
}

void faults_are_told_in_the_words_of_the_format() {
  const Reading semicolons = reading_of(R"({"delimiter": ";", "decimal": ","})", {R"("name": "a")"});
  check(message_of("a;b\n1.5;2\n", semicolons) == ", line 2, column 'a': found '1.5', expected a number.", "a point");
  check(message_of("a;b\n\"1\"x;2\n", semicolons) ==
            ", line 2: found text after a closing quote; expected a semicolon or the end of the line.",
        "text after a quote");
  check(message_of("a,b\n1,5,2\n", semicolons) == ": the header is one column, 'a,b'; expected semicolons between columns.",
        "another format");
  check(message_of("\n", semicolons).find(" is empty; expected a header line") == 0, "an empty table");
  const Reading blanks = reading_of(R"({"delimiter": " ", "header": false})", {R"("name": "c1")"});
  check(message_of("1 2\n1 2\r3\n", blanks).find(", line 2: found a carriage return without") == 0, "a lone return");
  check(message_of("1 2\n3\n", blanks) == ", line 2: found 1 cells, expected 2 as in the first row.", "too few cells");
  check(message_of("", blanks) == " is empty; expected rows of values.", "no rows");
  const Reading fields = reading_of(R"({"header": "#fields"})", {R"("name": "a")"});
  check(message_of("a\n1\n", fields) == " has no line that begins with '#fields', which the column names come after.",
        "no header");
  const Reading times = reading_of("null", {R"("name": "t", "time": {"column": "ts", "format": "ymd", "part": "hour sine"})"});
  check(message_of("ts\nsoon\n", times) == ", line 2, column 'ts': found 'soon', expected a time.", "no time");
}

void encodings_of_files() {
  const auto reading = [](const char* encoding) {
    return reading_of(std::string(R"({"encoding": ")") + encoding + R"("})", {R"("name": "a", "levels": ["😀", "€", "é"])"});
  };
  const auto utf16 = [](std::u16string_view text) {
    std::string bytes;
    for (const char16_t unit : text) bytes += {static_cast<char>(unit & 0xff), static_cast<char>(unit >> 8)};
    return bytes;
  };
  using Floats = std::vector<float>;
  check(values_of(utf16(u"a\n😀\n€\nx\n"), reading("utf-16")) == Floats{0, 1, 3}, "a pair of surrogates");
  std::string long_table = "a\n";
  for (int i = 0; i < 100000; ++i) long_table += i % 2 == 0 ? "\xe9\n" : "x\n";
  const auto many = values_of(long_table, reading("latin-1"));
  check(many.size() == 100000 && many[99998] == 2 && many[99999] == 3, "more than one block");
  check(values_of("a\n\x80\n", reading("cp1252")) == Floats{1}, "the euro of Windows-1252");
  check(values_of("a\n\x80\n", reading("latin-1")) == Floats{3}, "none in Latin-1");
  check(message_of("a,b\n1,\x81\n", reading("cp1252")) == ", line 2: not Windows-1252 text.", "a byte that is none");
  check(message_of(utf16(u"a\n1\n") + std::string("\x00\xdc\n\x00", 4), reading("utf-16")) == ", line 3: not UTF-16 text.",
        "half of a pair");
  check(message_of(utf16(u"a\n1\n") + "1", reading("utf-16")) == ", line 3: not UTF-16 text.", "half of a character");
  check(message_of("a\n\xe9\n", reading("utf-8")) == ", line 2: not UTF-8 text.", "Latin-1 for UTF-8");
}

void rows_that_are_left_out() {
  using Floats = std::vector<float>;
  const Reading commented = reading_of(R"({"delimiter": ";", "comment": "#"})", {R"("name": "a")"});
  check(values_of("a;n\n1;\"x\n#y;\"\n#2;z\n \t\n3;z\n", commented) == Floats{1, 3}, "a comment in quotes is none");
  const Reading footer = reading_of(R"({"skip_footer": 2, "units_rows": 1, "header": false})", {R"("name": "c1")"});
  std::string bytes = "unit\n";
  for (int i = 0; i < 5000; ++i) bytes += std::to_string(i) + "\n";
  const auto values = values_of(bytes + "total,\n\nmean,more,cells\n", footer);
  check(values.size() == 5000 && values[4999] == 4999, "rows at the end, over the border of a batch");
  const Reading skipped = reading_of(R"({"skip_rows": 2, "header": "names"})", {R"("name": "a b")"});
  check(values_of("names,x\nnames,y\nfirst\n\"names\", a b ,\n1,\n", skipped) == Floats{1}, "a header in quotes");
  check(message_of("names,a b\n\n", skipped).find(" has no line that begins with 'names'") == 0, "a header that is skipped");
}

bool is_refused(const std::string& table, const std::string& feature, std::string* words = nullptr) {
  try {
    reading_of(table, {feature});
    return false;
  } catch (const Unreadable& error) {
    if (words != nullptr) *words = error.what();
    return true;
  }
}

void what_cannot_be_followed_is_refused() {
  std::string words;
  for (const char* table :
       {R"({"delimiter": ":"})", R"({"decimal": "x"})", R"({"thousands": "."})", R"({"encoding": "shift-jis"})",
        R"({"header": 1})", R"({"header": ""})", R"({"header": null})", R"({"skip_rows": -1})", R"({"skip_rows": true})",
        R"({"skip_rows": 1.5})", R"({"skip_footer": 1000001})", R"({"missing": [1]})", R"({"missing": "ab"})",
        R"({"labels": {"column": "L", "anomaly": ["a"], "ordinary": ["b"]}})",
        R"({"labels": {"column": "L", "anomaly": [], "ordinary": []}})", R"({"labels": {"column": "L"}})"}) {
    check(is_refused(table, R"("name": "x")", &words), std::string("refused: ") + table);
    check(words.find("its table format cannot be followed: ") == 0, words);
  }
  check(is_refused(R"({"quote": "'"})", R"("name": "x")", &words) && words == "its table format has the unknown key 'quote'",
        words);
  for (const char* table : {"[]", "\"csv\"", "3", "true"}) {
    check(is_refused(table, R"("name": "x")", &words) && words.find("expected an object") != std::string::npos, words);
  }
  std::string many;
  for (int i = 0; i < 64; ++i) many += (i == 0 ? "\"" : ", \"") + std::to_string(i) + "\"";
  for (const std::string& keys :
       {std::string(R"("levels": ["a", "a"])"), "\"levels\": [" + many + "]", std::string(R"("levels": [1])"),
        std::string(R"("levels": "ab")"), std::string(R"("truths": ["yes"])"), std::string(R"("truths": ["yes", "yes"])"),
        std::string(R"("notation": "octal")"), std::string(R"("levels": ["a"], "truths": ["no", "yes"])"),
        std::string(R"("levels": ["a"], "notation": "hex")"), std::string(R"("markers": "?")"), std::string(R"("time": 3)"),
        std::string(R"("time": {"column": "t", "format": "iso", "part": "hour sine"})"),
        std::string(R"("time": {"column": "t", "format": "ymd", "part": "minute"})")}) {
    check(is_refused("null", R"("name": "x", )" + keys, &words), "refused: " + keys);
    check(words == "its feature 'x' cannot be read as it says", words);
  }
  check(!is_refused(R"({"labels": null, "header": "#a"})", R"("name": "x", "levels": [], "time": null)"), "what is empty");
}

void times() {
  using Order = Encoding::Order;
  const auto is = [](const char* cell, Order order, double seconds) {
    check(parse_time(cell, order) == seconds, std::string("the time of ") + cell);
  };
  is("1970-01-02T00:00:01+09:00", Order::ymd, 86401), is("1970-01-01 Z", Order::ymd, 0), is("69/1/1", Order::ymd, -31536000);
  is("31.12.68 23.59.60", Order::dmy, 3124224000), is("12-31-1969 7", Order::mdy, -61200), is("0000-01-01", Order::ymd, -62167219200);
  is("2000-02-29 0:00:00,123 UTC", Order::ymd, 951782400), is("1970-01-01T01:02-0500", Order::ymd, 3720);
  is("1e3", Order::ms, 1), is("-5", Order::s, -5), is("1e20", Order::ns, 1e11);
  for (const char* cell : {"", "1970-01-01T", "1970-01-01  Z", "1970-01-01 1:2", "1970-01-01 25", "1970-01-01 1:60", "1900-02-29",
                           "1970-13-01", "1970-00-01", "1970-01/01", "197-01-01", "1970-001-01", "1970-01-01 1:02.5",
                           "1970-01-01 01:02:03Zulu", "1970-01-01 01:02:61", "19700-01-01", "1970-01-011"}) {
    check(!parse_time(cell, Order::ymd), std::string("no time: ") + cell);
  }
  check(!parse_time("1e21", Order::ns) && !parse_time("inf", Order::s) && !parse_time("1,5", Order::s), "no counted times");
}

std::optional<double> value_of(const std::string& keys, const Value& value) {
  const Reading reading = reading_of("null", {R"("name": "x")" + (keys.empty() ? "" : ", " + keys)});
  return feature_value(CellParser(reading.features[0], reading.format), value);
}

void values_of_a_program() {
  const std::string levels = R"("levels": ["tcp", "6", "0.0001"])", truths = R"("truths": ["no", "oui, bien sûr"])";
  check(value_of(levels, "tcp") == 0.0 && value_of(levels, " tcp ") == 0.0 && value_of(levels, "TCP") == 3.0, "text of a level");
  check(value_of(levels, 6) == 1.0 && value_of(levels, 1e-4) == 2.0 && value_of(levels, 1e300) == 3.0, "a number as a level");
  check(value_of(levels, "") == 3.0 && value_of(levels, NAN) == 3.0 && !value_of(levels, true), "a missing level");
  check(value_of(truths, true) == 1.0 && value_of(truths, "NO") == 0.0 && value_of(truths, "Oui, bien SÛR") == 1.0, "true, false");
  check(value_of(truths, 1) == 1.0 && !value_of(truths, 2) && !value_of(truths, "x") && std::isnan(*value_of(truths, "")),
        "neither true nor false");
  check(value_of("", 1.5f) == 1.5 && value_of("", true) == 1.0 && !value_of("", "1") && std::isnan(*value_of("", "na")), "a number");
  const std::string marked = R"("markers": ["-999"])";
  check(std::isnan(*value_of(marked, -999)) && std::isnan(*value_of(marked, "-999")) && value_of(marked, 7) == 7.0, "a marker");
  check(!value_of("", "\xff") && !value_of(levels, "\xff"), "text that is not UTF-8");
  const std::string time = R"("time": {"column": "t", "format": ")", hour = R"(", "part": "hour sine"})";
  check(value_of(time + "ymd" + hour, "2020-01-01 06:00") == 1.0 && !value_of(time + "ymd" + hour, 21600), "a written time");
  check(value_of(time + "s" + hour, 21600) == 1.0 && value_of(time + "ms" + hour, "21600000") == 1.0, "a counted time");
  check(value_of(time + "dmy" + hour, Value::Time(std::chrono::hours(6))) == 1.0, "a point in time");
  check(std::isnan(*value_of(time + "s" + hour, NAN)) && !value_of("", Value::Time()), "no time");
}

}  // namespace

void test_reading() {
  tables_in_other_formats();
  faults_are_told_in_the_words_of_the_format();
  encodings_of_files();
  rows_that_are_left_out();
  what_cannot_be_followed_is_refused();
  times();
  values_of_a_program();
}
