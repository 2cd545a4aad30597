#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <thread>

#include "aetk/detector.hpp"
#include "card.hpp"
#include "check.hpp"
#include "golden.hpp"
#include "json.hpp"
#include "modelfile.hpp"
#include "sha256.hpp"

namespace {

using namespace aetk;

const Field* find(const std::vector<Field>& fields, std::uint64_t number) {
  for (const Field& field : fields) {
    if (field.number == number) return &field;
  }
  return nullptr;
}

/// The float32 numbers of an initializer, to be changed in place; how many stands in `count`.
char* initializer(std::string& model, std::string_view name, std::size_t& count) {
  constexpr std::uint64_t kGraph = 7, kInitializer = 5, kName = 8, kRawData = 9;
  const auto graph = all_fields(find(all_fields(model), kGraph)->payload);
  for (const Field& field : graph) {
    if (field.number != kInitializer) continue;
    const auto tensor = all_fields(field.payload);
    if (find(tensor, kName)->payload != name) continue;
    const std::string_view raw = find(tensor, kRawData)->payload;
    count = raw.size() / sizeof(float);
    return model.data() + (raw.data() - model.data());
  }
  throw Problem("the model has no initializer " + std::string(name));
}

using Change = std::function<void(std::vector<float>&)>;

std::string changed(std::string model, std::string_view name, const Change& change) {
  std::size_t count = 0;
  char* bytes = initializer(model, name, count);
  std::vector<float> values(count);
  std::memcpy(values.data(), bytes, count * sizeof(float));
  change(values);
  std::memcpy(bytes, values.data(), count * sizeof(float));
  return model;
}

/// A card with the digest of its own that it should carry.
std::string sealed(std::string card) {
  const std::string old = Json::parse(card).at("card_sha256").string();
  const std::size_t place = card.find(old);
  Sha256 digest;
  digest.update(card.replace(place, old.size(), std::string(old.size(), '0')));
  return card.replace(place, old.size(), digest.hex());
}

/// With the digests that the card of an honest file would hold.
std::string with_new_digests(std::string model) {
  const ModelFile parsed = parse_model("model", model);
  std::string card = parsed.card;
  const std::string old = Json::parse(card).at("model_sha256").string();
  card.replace(card.find(old), old.size(), parsed.sha256);
  return model.replace(model.find(parsed.card), card.size(), sealed(card));
}

void a_changed_model_fails() {
  if (skipped_without(kReference, "changed models")) return;
  const Folder folder;
  const std::string model = whole_file(kReference);
  const std::size_t features = Detector(kReference).features().size();
  const auto swap = [&](std::vector<float>& weight) {
    const auto row = static_cast<std::ptrdiff_t>(weight.size() / features);
    std::swap_ranges(weight.begin(), weight.begin() + row, weight.begin() + row);
  };
  const struct {
    const char *what, *name;
    Change change;
  } forgeries[] = {
      {"a changed weight", "networks.0.0.weight", [](auto& weight) { weight[0] += 0.5f; }},
      {"a lower threshold", "threshold", [](auto& threshold) { threshold[0] -= 1e-3f; }},
      {"a higher threshold", "threshold", [](auto& threshold) { threshold[0] += 1e-3f; }},
      {"swapped columns", "scale.weight", swap},
  };
  for (const auto& forgery : forgeries) {
    const std::string forged = changed(model, forgery.name, forgery.change);
    const std::string path = folder.write("forged.onnx", forged);
    check(problem_of([&] { Detector{path}; }) == 1, std::string(forgery.what) + " is found by the digest");
    folder.write("forged.onnx", with_new_digests(forged));
    check(!Detector(path).selftest().passed(), std::string(forgery.what) + " is found by the golden rows");
  }
  check(Detector(folder.write("same.onnx", with_new_digests(model))).selftest().passed(), "an unchanged model passes");
}

void a_card_out_of_range_is_refused() {
  const Folder folder;
  const ModelFile model = parse_model(folder.at("model.onnx"), whole_file(kModel));
  const auto code = [&](std::string_view part, std::string_view member, std::string_view number) {
    ModelFile forged = model;
    const std::size_t value = forged.card.find(':', forged.card.find(member, forged.card.find(part))) + 1;
    forged.card.replace(value, forged.card.find_first_of(",}", value) - value, number);
    try {
      forged.card = sealed(forged.card);
    } catch (const JsonError&) {  // of a number out of range
    }
    return problem_of([&] { read_card(forged); });
  };
  check(code("\"similarity\"", "\"tolerance\"", "2e-5") == 0, "a finite tolerance");
  for (const char* tolerance : {"1e999", "0.002", "0", "-1e-5"}) {
    check(code("\"similarity\"", "\"tolerance\"", tolerance) == 2, std::string("the tolerance ") + tolerance);
  }
  check(code("\"threshold\"", "\"value\"", "-1e999") == 2, "an infinite threshold");
}

void the_model_passes() {
  const Detector detector(kModel);
  const Selftest report = detector.selftest();
  check(report.passed() && report.rows > 0, "the golden rows");
  check(report.microseconds > 0 && report.runtime.find("onnxruntime 1.") == 0, "time and runtime");
}

void every_fault_is_counted() {
  const Golden golden{3, {}, {0.9f, 0.1f, -1}, {}, {false, std::nullopt, true}, {true, true, false}};
  const Scores good{{0.9f, 0.1f, -1}, {0, 1, 1}, {1, 1, 0}, {0.1f, 0, 0.4f, 0.5f, 0, 0}};
  const auto report = [&](const std::function<void(Scores&)>& spoil) {
    Scores scores = good;
    spoil(scores);
    return compare(golden, scores, 0.5, 1e-5);
  };
  const Selftest fine = report([](Scores&) {});
  check(fine.passed() && fine.rows == 3 && fine.near_ties == 1 && fine.largest_difference == 0, "no fault");
  const Selftest flipped = report([](Scores& s) { s.is_anomaly[0] = 1; });
  check(flipped.flipped_decisions == 1 && flipped.broken_rule == 1 && !flipped.passed(), "a flipped decision");
  const Selftest tie = report([](Scores& s) { s.is_anomaly[1] = 0; });
  check(tie.flipped_decisions == 0 && tie.broken_rule == 1, "a near tie that breaks the rule");
  const Selftest validity = report([](Scores& s) { s.is_valid[2] = 1, s.contribution[4] = 2; });
  check(validity.flipped_validity == 1 && validity.broken_rule == 0 && !validity.passed(), "a flipped validity");
  const Selftest unjudged = report([](Scores& s) { s.similarity[2] = -0.999999f; });
  check(unjudged.broken_rule == 1 && unjudged.largest_difference < 1e-5, "a row not judged is -1 exactly");
  const Selftest shares = report([](Scores& s) { s.contribution[0] = 0.2f; });
  check(shares.broken_rule == 1, "shares that do not sum to 1 - similarity");
  const Selftest nan = report([](Scores& s) { s.similarity[1] = std::numeric_limits<float>::quiet_NaN(); });
  check(std::isinf(nan.largest_difference) && !nan.passed(), "a similarity that is NaN");
  check(!report([](Scores& s) { s.similarity[0] = 0.8999f; }).passed(), "a similarity beyond the tolerance");
}

void the_worse_of_two_replays_is_told() {
  Selftest one, other;
  one.rows = other.rows = 3;
  one.flipped_decisions = 2, one.largest_difference = 0.1;
  other.flipped_validity = 1, other.broken_rule = 3, other.largest_difference = 0.2;
  for (const Selftest& found : {worse(one, other), worse(other, one)}) {
    check(found.rows == 3 && found.flipped_decisions == 2 && found.flipped_validity == 1, "decisions and validities");
    check(found.broken_rule == 3 && found.largest_difference == 0.2 && !found.passed(), "the rest");
  }
}

void what_is_no_model() {
  const Folder folder;
  const std::string model = whole_file(kModel);
  const auto code = [&](std::string_view bytes) {
    return problem_of([path = folder.write("model.onnx", bytes)] { Detector{path}; });
  };
  check(code("") == 2 && code("\xff\xff") == 2 && code(model.substr(0, model.size() - 9)) == 2, "what is not an ONNX file");
  const std::string card = std::string(all_fields(model).back().bytes);
  check(code(model + card) == 2, "a second card");
  for (const Field& field : all_fields(model)) {
    if (field.number == 7) check(code(model + std::string(field.bytes)) == 2, "a second graph");
  }
  std::string message;
  std::filesystem::resize_file(folder.write("large.onnx", model), (1u << 28) + 1);
  check(problem_of([&] { Detector{folder.at("large.onnx")}; }, &message) == 2, "a file without measure");
  check(message == folder.at("large.onnx") + " is larger than 256 MiB; expected a model of the aetk contract.",
        message);
  check(problem_of([&] { Detector{folder.at("none.onnx")}; }) == 2, "a missing model");
  check(problem_of([&] { Detector{folder.at("")}; }) == 2, "a folder");
  folder.write("model.card.json", "{}");
  check(code(model) == 1, "a stale copy of the card");
  folder.write("model.card.json", parse_model("model", model).card);
  check(code(model) == 0, "a copy of the card");
}

void one_row_is_judged_as_many_are() {
  const Detector detector(kModel);
  const std::size_t n = detector.features().size();
  std::vector<float> rows(n * 64);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>((i * 7919) % 1000) / 50;
  rows[n] = std::numeric_limits<float>::infinity();
  const Scores scores = detector.score(rows.data(), 64);
  const auto compare = [&] {
    for (std::size_t i = 0; i < 64; ++i) {
      const Decision decision = detector.decide(rows.data() + i * n);
      check(std::abs(decision.similarity - scores.similarity[i]) <= 1e-5f, "similarity of row " + std::to_string(i));
      check(decision.is_valid == (scores.is_valid[i] != 0), "validity of row " + std::to_string(i));
      check(decision.is_anomaly == (scores.is_anomaly[i] != 0), "decision of row " + std::to_string(i));
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(compare);
  for (std::thread& thread : threads) thread.join();
  check(detector.score(rows.data(), 0).similarity.empty(), "no rows, no verdicts");
}

void rows_by_name() {
  const Detector detector(kModel);
  std::map<std::string, float> values{{"another", 1.0f}};
  for (std::size_t i = 0; i < detector.features().size(); ++i) values[detector.features()[i]] = static_cast<float>(i);
  const auto row = detector.row(values);
  check(row.size() == detector.features().size() && row[0] == 0 && row[1] == 1, "values by name");
  values.erase(detector.features()[0]);
  check(problem_of([&] { detector.row(values); }) == 2, "a value that is missing");
}

}  // namespace

void test_golden() {
  the_model_passes();
  every_fault_is_counted();
  the_worse_of_two_replays_is_told();
  a_changed_model_fails();
  a_card_out_of_range_is_refused();
  what_is_no_model();
  one_row_is_judged_as_many_are();
  rows_by_name();
}
