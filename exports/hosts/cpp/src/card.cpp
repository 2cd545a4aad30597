#include "card.hpp"

#include <cmath>
#include <set>
#include <string_view>

#include "aetk/problem.hpp"
#include "json.hpp"
#include "number.hpp"
#include "sha256.hpp"

namespace aetk {
namespace {

constexpr double kFirst = 1, kSecond = 2;  // versions of the contract
constexpr double kLargestTolerance = 1e-3;
constexpr std::string_view kZeros = "0000000000000000000000000000000000000000000000000000000000000000";
constexpr const char* kAgain = "Export the model again.";
constexpr const char* kDoNotUse = "Do not use it; take the file from where it was exported.";

void check_version(const std::string& path, const Json& version) {
  if (version.is_number() && (version.number() == kFirst || version.number() == kSecond)) return;
  std::string shown;
  if (version.is_number()) {
    append_number(shown, version.number());
  } else {
    shown = version.string();
  }
  throw Problem(path + ": its card is of contract version " + shown + ", expected 1 or 2.", kAgain);
}

Card read_parts(const Json& json) {
  std::vector<std::string> features;
  for (const Json& feature : json.at("features").array()) features.push_back(feature.at("name").string());
  if (json.at("contract").number() != (is_second_contract(json) ? kSecond : kFirst)) throw JsonError("another contract");
  const std::set<std::string> names(features.begin(), features.end());
  if (names.empty() || names.size() != features.size() || names.count("") > 0) throw JsonError("no features, or one twice");
  const double threshold = json.at("threshold").at("value").number();
  const double tolerance = json.at("similarity").at("tolerance").number();
  // a large tolerance would let every self-test pass
  if (!std::isfinite(threshold) || !(tolerance > 0 && tolerance <= kLargestTolerance)) {
    throw JsonError("a threshold or tolerance out of range");
  }
  Golden golden = read_golden(json.at("golden"), features.size());
  return {std::move(features), threshold, tolerance, json.at("requires").string(), {}, std::move(golden)};
}

/// SHA-256 of a card with zeros in place of the digest that it carries.
std::string digest_of(std::string card, const std::string& digest) {
  const std::size_t place = card.find(digest);
  if (place != std::string::npos) card.replace(place, digest.size(), kZeros);
  Sha256 sha256;
  sha256.update(card);
  return sha256.hex();
}

}  // namespace

Card read_card(const ModelFile& model) {
  try {
    const Json json = Json::parse(model.card);
    check_version(model.path, json.at("contract"));
    Card card = read_parts(json);
    const std::string digest = json.at("card_sha256").string();
    if (digest.size() != kZeros.size()) throw JsonError("no SHA-256");
    if (digest_of(model.card, digest) != digest) {
      throw Problem(model.path + ": the card's SHA-256 is not the one that it carries; it was changed.", kDoNotUse, 1);
    }
    if (model.sha256 != json.at("model_sha256").string()) {
      throw Problem(model.path + ": the model's SHA-256 is not the one in its card; it was changed.", kDoNotUse, 1);
    }
    check_copy(model);
    card.reading = read_reading(json);
    return card;
  } catch (const Unreadable& error) {
    throw Problem(model.path + ": " + error.what() + ".", kAgain);
  } catch (const JsonError&) {
    throw Problem(model.path + ": its card is damaged or incomplete; expected the JSON that `aetk export` wrote.",
                  kAgain);
  }
}

}  // namespace aetk
