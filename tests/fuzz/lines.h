// What is told of a file that is refused.
#ifndef KEYTURN_TESTS_FUZZ_LINES_H_
#define KEYTURN_TESTS_FUZZ_LINES_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace keyturn::fuzz {

// That `refusal`, of the file of that name with that text, is InvalidArgument
// and consists of lines "FILE:LINE: what is wrong", each for a line that is
// there; the last one may say how many more there are. At most 20 mistakes are
// told, and nothing of a line is a control character.
void RequireLineOfEach(const absl::Status& refusal, std::string_view file,
                       std::string_view text);

}  // namespace keyturn::fuzz

#endif  // KEYTURN_TESTS_FUZZ_LINES_H_
