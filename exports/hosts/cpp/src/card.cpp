#include "card.hpp"

#include <cmath>
#include <set>

#include "aetk/problem.hpp"
#include "json.hpp"
#include "number.hpp"

namespace aetk {
namespace {

constexpr double kContract = 1;
constexpr double kLargestTolerance = 1e-3;

void check_version(const std::string& path, const Json& version) {
  if (version.is_number() && version.number() == kContract) return;
  std::string shown;
  if (version.is_number()) {
    append_number(shown, version.number());
  } else {
    shown = version.string();
  }
  throw Problem(path + ": its card is of contract version " + shown + ", expected 1.");
}

Card read_parts(const Json& json) {
  std::vector<std::string> features;
  for (const Json& feature : json.at("features").array()) features.push_back(feature.at("name").string());
  const std::set<std::string> names(features.begin(), features.end());
  if (names.empty() || names.size() != features.size() || names.count("") > 0) throw JsonError("no features, or one twice");
  const double threshold = json.at("threshold").at("value").number();
  const double tolerance = json.at("similarity").at("tolerance").number();
  // a large tolerance would let every self-test pass
  if (!std::isfinite(threshold) || !(tolerance > 0 && tolerance <= kLargestTolerance)) {
    throw JsonError("a threshold or tolerance out of range");
  }
  Golden golden = read_golden(json.at("golden"), features.size());
  return {std::move(features), threshold, tolerance, json.at("requires").string(), std::move(golden)};
}

}  // namespace

Card read_card(const ModelFile& model) {
  try {
    const Json json = Json::parse(model.card);
    check_version(model.path, json.at("contract"));
    Card card = read_parts(json);
    if (model.sha256 != json.at("model_sha256").string()) {
      throw Problem(model.path + ": the model's SHA-256 is not the one in its card; it was changed.",
                    "Do not use it; take the file from where it was exported.", 1);
    }
    check_copy(model);
    return card;
  } catch (const JsonError&) {
    throw Problem(model.path + ": its card cannot be read.", "Export the model again.");
  }
}

}  // namespace aetk
