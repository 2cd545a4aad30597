#include <cstdlib>
#include <filesystem>
#include <random>

#include "base64.hpp"
#include "card.hpp"
#include "checks.hpp"
#include "forgery.hpp"
#include "json.hpp"
#include "modelfile.hpp"
#include "problem.hpp"
#include "sha256.hpp"

namespace {

std::string digest(const std::string& text) {
  aetk::Sha256 sha;
  sha.update(text);
  return sha.hex();
}

void refuses(const std::string& what, const std::function<void()>& body) {
  try {
    body();
  } catch (const std::invalid_argument&) {
    return;
  }
  throw std::runtime_error("not refused: " + what);
}

}  // namespace

void test_files() {
  test("SHA-256 gives the known answers", [] {
    check(digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "of nothing");
    check(digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "of abc");
    check(digest(std::string(1'000'000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", "of many a");
  });

  test("base64 gives back bytes and refuses the rest", [] {
    check(aetk::decode_base64("Zm9vYmE=") == "fooba", "one = at the end");
    check(aetk::decode_base64("Zm9vYg==") == "foob", "two");
    check(aetk::decode_floats("AACAPwAAAMA=") == std::vector<float>({1, -2}), "numbers");
    for (const char* text : {"Zm9", "Zm9*", "Z===", "=m9v", "Zm=v"}) refuses(text, [&] { aetk::decode_base64(text); });
    refuses("half a number", [] { aetk::decode_floats("AACA"); });
  });

  test("JSON is read strictly", [] {
    const auto json = aetk::Json::parse(" {\"a\": [1, -2.5e1, null], \"b\\n\": \"\\u00e9\\ud83d\\ude00\"} ");
    check(json.at("a").items()[1].number() == -25, "a number");
    check(json.at("b\n").text() == "\xc3\xa9\xf0\x9f\x98\x80", "text with escapes");
    for (const char* text : {"", "{", "[1,]", "{\"a\" 1}", "01", "1.", "+1", "NaN", "tru", "\"\n\"", "\"\\x\"", "\"\\ud83d\"", "1 2",
                             "\"\xff\"", "{1: 2}", "1e999"}) {
      refuses(text, [&] { aetk::Json::parse(text); });
    }
    refuses("a deep one", [] { aetk::Json::parse(std::string(100'000, '[')); });
    refuses("another kind", [] { aetk::Json::parse("[1]").at("a"); });
  });

  test("a file that is no model gets one message", [] {
    const std::string path = (std::filesystem::temp_directory_path() / "aetk-no-model.onnx").string();
    write_file(path, "no model");
    check_problem(2, "not a readable ONNX file", [&] { aetk::read_model_file(path); });
    write_file(path, "");
    check_problem(2, "no aetk card", [&] { aetk::read_model_file(path); });
    std::filesystem::remove(path);
    check_problem(2, "No such model", [&] { aetk::read_model_file(path); });
  });

  test("a card with a byte changed is read or refused, and nothing else", [] {
    const std::string card = read_file("model/detector.card.json");
    std::mt19937 random(0);
    for (int round = 0; round < 500; ++round) {
      std::string changed = card;
      for (int i = 0; i < 3; ++i) changed[random() % changed.size()] = static_cast<char>(random());
      try {
        aetk::parse_card("x.onnx", changed);
      } catch (const aetk::Problem& problem) {
        check(problem.exit_code() == 2, "its exit code");
      }
    }
  });

  test("a model cut or changed anywhere is refused", [] {
    const std::string model = read_file("model/detector.onnx");
    const std::string path = (std::filesystem::temp_directory_path() / "aetk-changed.onnx").string();
    std::mt19937 random(1);
    for (int round = 0; round < 50; ++round) {
      std::string changed = model.substr(0, round % 2 == 0 ? random() % model.size() : model.size());
      if (round % 2 == 1) changed[random() % changed.size()] ^= static_cast<char>(1 + random() % 255);
      write_file(path, changed);
      check_problem(round % 2 == 0 ? 2 : 1, path, [&] {
        try {
          aetk::read_model_file(path);
        } catch (const aetk::Problem& problem) {  // a change may make it unreadable too
          throw aetk::Problem(problem.what(), "", round % 2 == 0 ? 2 : 1);
        }
      });
    }
    std::filesystem::remove(path);
  });
}
