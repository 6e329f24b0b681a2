#include "tests/vault/golden.h"

#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/escaping.h"

namespace keyturn::testing {

std::string Golden(const std::string& name) {
  std::ifstream file(KEYTURN_TESTDATA "/format_1.txt");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind(name + " ", 0) == 0) {
      return absl::HexStringToBytes(line.substr(name.size() + 1));
    }
  }
  ADD_FAILURE() << "the golden file has no line " << name;
  return "";
}

}  // namespace keyturn::testing
