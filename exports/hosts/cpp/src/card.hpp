#pragma once

#include <string>
#include <vector>

#include "golden.hpp"
#include "modelfile.hpp"
#include "reading.hpp"

namespace aetk {

/// What a host needs of the card (contract version 1 or 2).
struct Card {
  std::vector<std::string> features;  ///< names, in the model's order
  double threshold;                   ///< a row of less similarity is an anomaly
  double tolerance;                   ///< of similarity, between runtimes
  std::string runtime;                ///< what the model requires, in words
  Reading reading;                    ///< how tables become rows
  Golden golden;
};

/// Reads a model's card, which must vouch for the rest of the file and be the one beside it.
/// Throws Problem: exit code 2 for a card that cannot be read, 1 for a changed model or a stale copy of the card.
Card read_card(const ModelFile& model);

}  // namespace aetk
