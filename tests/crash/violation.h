#ifndef KEYTURN_TESTS_CRASH_VIOLATION_H_
#define KEYTURN_TESTS_CRASH_VIOLATION_H_

#include <array>
#include <compare>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace keyturn::crash {

// The guarantees of README.md, by their names there.
inline constexpr std::array<std::string_view, 12> kGuarantees = {
    "G1", "G2", "G3", "G4", "G5", "G6", "G7", "G8", "G9", "G10", "G11", "G12"};

// A guarantee that did not hold, and what shows it.
struct Violation {
  std::string guarantee;
  std::string what;

  auto operator<=>(const Violation&) const = default;
};

using Violations = std::vector<Violation>;

// How GoogleTest shows one.
inline void PrintTo(const Violation& violation, std::ostream* stream) {
  *stream << violation.guarantee << ": " << violation.what;
}

}  // namespace keyturn::crash

#endif  // KEYTURN_TESTS_CRASH_VIOLATION_H_
