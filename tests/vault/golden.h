// The golden file of the stored formats.
#ifndef KEYTURN_TESTS_VAULT_GOLDEN_H_
#define KEYTURN_TESTS_VAULT_GOLDEN_H_

#include <string>

namespace keyturn::testing {

// The bytes that testdata/format_1.txt has under `name`; they must be there.
std::string Golden(const std::string& name);

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_VAULT_GOLDEN_H_
