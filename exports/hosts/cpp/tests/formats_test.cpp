#include <cmath>
#include <limits>
#include <stdexcept>

#include "base64.hpp"
#include "check.hpp"
#include "files.hpp"
#include "json.hpp"
#include "number.hpp"
#include "protobuf.hpp"
#include "sha256.hpp"
#include "utf8.hpp"

namespace {

using namespace aetk;
using namespace std::string_literals;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string sha256(std::string_view bytes) {
  Sha256 digest;
  digest.update(bytes);
  return digest.hex();
}

void known_digests() {
  // FIPS 180-4's examples
  check(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "SHA-256 of nothing");
  check(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "SHA-256 of abc");
  check(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        "SHA-256 of two blocks");
  check(sha256(std::string(1000000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
        "SHA-256 of a million letters");
  for (std::size_t size = 50; size < 70; ++size) {
    Sha256 pieces;
    for (std::size_t i = 0; i < size; ++i) pieces.update("x");
    check(pieces.hex() == sha256(std::string(size, 'x')), "SHA-256 in pieces of " + std::to_string(size) + " bytes");
  }
}

void json_values() {
  const Json json =
      Json::parse(" {\"a\": [1, -2.5e-3, true, null], \"b\": {\"\\u00e9\\uD83d\\ude00\\n\": \"\xc3\xa9\"}} ");
  check(json.at("a").array()[1].number() == -2.5e-3, "a JSON number");
  check(json.at("a").array()[2].boolean() && json.at("a").array()[3].is_null(), "JSON's true and null");
  check(json.at("b").at("\xc3\xa9\xf0\x9f\x98\x80\n").string() == "\xc3\xa9", "JSON's escapes");
  check(json.find("c") == nullptr, "no member");
  check(Json::parse(std::string(201, '[') + std::string(201, ']')).array().size() == 1, "JSON that is nested deep");
}

void json_refusals() {
  for (const auto& text :
       {""s, " "s, "{"s, "["s, "[1,]"s, "{\"a\":1,}"s, "{a:1}"s, "{\"a\" 1}"s, "'a'"s, "\"a"s, "\"\n\""s, "\"\\x\""s,
        "\"\\u12\""s, "\"\\ud800\""s, "\"\\udc00\""s, "\"\\ud800\\u0041\""s, "01"s, "-"s, "+1"s, ".5"s, "1."s, "1.e5"s,
        "1e"s, "0x10"s, "NaN"s, "Infinity"s, "tru"s, "1 2"s, "[1] x"s, "{\"a\":1,\"a\":2}"s, "\"\xff\""s,
        "\xef\xbb\xbf{}"s, "1\0"s, std::string(100000, '['),
        std::string(202, '[') + std::string(202, ']')}) {
    bool refused = false;
    try {
      Json::parse(text);
    } catch (const JsonError&) {
      refused = true;
    }
    check(refused, "JSON is refused: " + text.substr(0, 40));
  }
}

void numbers() {
  const auto is = [](const char* cell, double value) {
    const auto found = parse_cell(cell);
    check(found && *found == value && std::signbit(*found) == std::signbit(value), std::string("the value of ") + cell);
  };
  is("1e400", kInfinity), is("-1e400", -kInfinity), is("1e-400", 0), is("-1e-400", -0.0);
  is("0e99999999999999999999", 0), is("1e99999999999999999999", kInfinity), is("1e-99999999999999999999", 0);
  is(("0." + std::string(400, '0') + "1e401").c_str(), 1), is(("1" + std::string(400, '0') + "e-400").c_str(), 1);
  is(("0." + std::string(400, '0') + "1e50").c_str(), 0), is(("1" + std::string(400, '0') + "e-50").c_str(), kInfinity);
  is(("0." + std::string(400, '0') + "1").c_str(), 0), is(("1" + std::string(400, '0')).c_str(), kInfinity);
  is("+inf", kInfinity), is("-INFINITY", -kInfinity), is("5e-324", 5e-324), is("+.5", .5), is("5.E1", 50);
  check(std::isnan(*parse_cell("")) && std::isnan(*parse_cell("nUlL")), "missing values");
  for (const char* cell : {"-nan", "1_0", " 1", "1 ", "0x1", "1e", ".", "+", "--1", "infinite", "nan(1)", "1,5"}) {
    check(!parse_cell(cell), std::string("no number: ") + cell);
  }
  std::string text;
  append_number(text, 0.1f);
  check(text == "0.1", "the shortest digits of a float32");
}

void encodings() {
  check(decode_base64("QUJD") == "ABC" && decode_base64("QUI=") == "AB" && decode_base64("QQ==") == "A", "base64");
  check(!decode_base64("QUJ") && !decode_base64("QU!D") && !decode_base64("Q==="), "no base64");
  check(decode_numbers<float>("AACAPw==")->at(0) == 1 && !decode_numbers<double>("AACAPw=="), "numbers in base64");
  check(is_utf8("a\xc3\xa9\xe5\x80\xa4\xf0\x9f\x98\x80") && is_utf8("\xf4\x8f\xbf\xbf"), "UTF-8");
  for (const char* bytes : {"\xff", "\xc0\xb1", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe5\x80", "\x80",
                            "01234567\xc3", "0123456789\xe9 "}) {
    check(!is_utf8(bytes), "no UTF-8");
  }
}

void protobuf() {
  const auto fields = all_fields("\x08\x96\x01\x12\x02hi\x1d....");
  check(fields.size() == 3 && fields[0].number == 1 && fields[1].payload == "hi" && fields[2].payload == "....",
        "the fields of a message");
  for (const auto& bytes : {"\x08"s, "\x08\xff"s, "\x12\x05hi"s, "\x0b"s, "\x1d..."s,
                            "\x12" + std::string(9, '\xff') + "\x01", std::string(11, '\xff')}) {
    bool refused = false;
    try {
      all_fields(bytes);
    } catch (const std::invalid_argument&) {
      refused = true;
    }
    check(refused, "no protobuf message of " + std::to_string(bytes.size()) + " bytes");
  }
}

void paths() {
  check(tidy_path("./a//b/.") == "a/b" && tidy_path("../a") == "../a" && tidy_path("") == ".", "relative paths");
  check(tidy_path("/a/") == "/a" && tidy_path("/") == "/" && tidy_path("///a") == "/a", "absolute paths");
}

}  // namespace

void test_formats() {
  known_digests();
  json_values();
  json_refusals();
  numbers();
  encodings();
  protobuf();
  paths();
}
