// The machine's randomness, made repeatable: ids and salts are part of a
// history, and one seed gives one history.
#ifndef KEYTURN_TESTS_CRASH_MACHINE_RANDOM_H_
#define KEYTURN_TESTS_CRASH_MACHINE_RANDOM_H_

#include <cstdint>

namespace keyturn::crash {

// A program that links this has a getrandom() of its own: what ids, salts and
// data keys are made of follows from `seed` from now on. Nothing in such a
// program is secret.
void SeedMachineRandom(uint64_t seed);

}  // namespace keyturn::crash

#endif  // KEYTURN_TESTS_CRASH_MACHINE_RANDOM_H_
