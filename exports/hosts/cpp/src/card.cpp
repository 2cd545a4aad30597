#include "card.hpp"

#include <set>
#include <stdexcept>

#include "base64.hpp"
#include "json.hpp"
#include "problem.hpp"

namespace aetk {
namespace {

constexpr int kContract = 1;

void check(bool right) {
  if (!right) throw std::invalid_argument("not a card");
}

bool flag(const Json& value) {
  check(value.number() == 0 || value.number() == 1);
  return value.number() == 1;
}

Golden read_golden(const Json& json, std::size_t features) {
  Golden golden;
  golden.inputs = decode_floats(json.at("inputs").text());
  golden.similarity = decode_floats(json.at("similarity").text());
  for (const Json& value : json.at("is_anomaly").items()) {
    golden.is_anomaly.push_back(value.is_null() ? std::nullopt : std::optional(flag(value)));
  }
  for (const Json& value : json.at("is_valid").items()) golden.is_valid.push_back(flag(value));
  golden.rows = golden.is_valid.size();
  check(golden.rows > 0 && json.at("rows").number() == static_cast<double>(golden.rows));
  check(golden.inputs.size() == golden.rows * features && golden.similarity.size() == golden.rows);
  check(golden.is_anomaly.size() == golden.rows);
  return golden;
}

Card read(const Json& json) {
  Card card;
  for (const Json& feature : json.at("features").items()) {
    card.features.push_back(feature.at("name").text());
    check(!card.features.back().empty());
  }
  const std::set<std::string> names(card.features.begin(), card.features.end());
  check(!names.empty() && names.size() == card.features.size());
  card.threshold = static_cast<float>(json.at("threshold").at("value").number());
  card.tolerance = json.at("similarity").at("tolerance").number();
  card.runtime = json.at("requires").text();
  card.model_sha256 = json.at("model_sha256").text();
  card.golden = read_golden(json.at("golden"), card.features.size());
  return card;
}

}  // namespace

Card parse_card(const std::string& path, std::string_view text) {
  try {
    const Json json = Json::parse(text);
    const double contract = json.at("contract").number();
    if (contract != kContract) {
      throw Problem(path + ": its card is of contract version " + std::to_string(static_cast<int>(contract)) + ", expected " +
                    std::to_string(kContract) + ".");
    }
    return read(json);
  } catch (const std::invalid_argument&) {
    throw Problem(path + ": its card cannot be read.", "Export the model again.");
  }
}

}  // namespace aetk
