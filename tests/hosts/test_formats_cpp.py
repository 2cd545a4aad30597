"""A program in C++ makes rows of what a table's columns hold, by the card of contract 2."""

import subprocess

import numpy as np
import pytest

from .conftest import ENVIRONMENT
from .test_formats import FEATURES

PROGRAM = """
#include <aetk/detector.hpp>

#include <chrono>
#include <cstdio>
#include <string>

int main(int, char** words) try {
  const aetk::Detector detector(words[1]);
  const auto print = [](const std::vector<float>& row) {
    for (const float value : row) std::printf("%.9g ", static_cast<double>(value));
    std::printf("\\n");
  };
  const std::string text = "2024-05-06 12:00";
  const aetk::Value::Time morning{std::chrono::hours(6)};
  print(detector.row({{"protocol", "tcp"}, {"urgent", true}, {"size", 1.5}, {"at", "2024-05-06 06:00"}}));
  print(detector.row({{"protocol", 6}, {"urgent", "No"}, {"size", ""}, {"at", text}, {"other", "x"}}));
  print(detector.row({{"protocol", "sctp"}, {"urgent", 1u}, {"size", -999.0f}, {"at", morning}}));
  std::map<std::string, aetk::Value> row{{"protocol", ""}, {"urgent", false}, {"size", 0}, {"at", ""}};
  print(detector.row(row));
  row.erase("urgent");
  for (const auto& [name, value] : std::map<std::string, aetk::Value>{
           {"urgent", 2}, {"protocol", true}, {"size", "12"}, {"at", "soon"}, {"at ", 3}}) {
    auto changed = row;
    changed[name] = value;
    if (name != "urgent" && name != "at ") changed["urgent"] = true;
    try {
      detector.row(changed);
    } catch (const aetk::Problem& problem) {
      std::printf("%d %s %s\\n", problem.exit_code(), problem.what(), problem.hint().c_str());
    }
  }
} catch (const aetk::Problem& problem) {
  std::fprintf(stderr, "%s\\n", problem.what());
  return problem.exit_code();
}
"""
ROWS = [[0, 1, 1.5, 1, 0], [1, 0, np.nan, 0, -1], [2, 1, np.nan, 1, 0], [2, 0, 0, np.nan, np.nan]]
MISSING = "A missing value is NaN, or an empty text."
REFUSALS = [
    f"2 'at': found 'soon', expected a time. {MISSING}",
    "2 No value for 'urgent'. The model takes: protocol, urgent, size, at.",
    f"2 'protocol': found true, expected the text of a category. {MISSING}",
    f"2 'size': found '12', expected a number. {MISSING}",
    f"2 'urgent': found 2, expected true or false. {MISSING}",
]


@pytest.fixture
def printed(build, model_for, tmp_path):
    """The lines that the program prints for a model with columns of every kind."""
    folder, done = build("cpp")
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "program.cpp").write_text(PROGRAM)
    source, include, library = tmp_path / "program.cpp", folder / "app/include", folder / "app/build/libaetk_detector.a"
    command = ["g++", "-std=c++17", "-Wall", "-Wextra", "-Wconversion", "-Werror", f"-I{include}"]
    command += [source, library, "-ldl", "-pthread", "-o", tmp_path / "program"]
    compiled = subprocess.run(command, capture_output=True, text=True, check=False)
    assert compiled.returncode == 0, compiled.stderr
    program = [tmp_path / "program", model_for(FEATURES, contract=2)]
    done = subprocess.run(program, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_text_becomes_an_index_truths_become_1_or_0_and_a_time_its_features_and_what_is_neither_is_refused(printed):
    found = [[float(number) for number in line.split()] for line in printed[: len(ROWS)]]
    np.testing.assert_allclose(found, ROWS, atol=1e-6)
    assert printed[len(ROWS) :] == REFUSALS
