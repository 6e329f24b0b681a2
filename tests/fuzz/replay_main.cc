// Feeds a fuzz target without libFuzzer: first its kept corpus, then mutations
// of it, always the same ones for one seed. g++ has no libFuzzer, and a test
// must do the same on every machine.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/require.h"

// With sanitizers alone.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(
    void (*callback)());

namespace keyturn::fuzz {
namespace {

constexpr char kUsage[] =
    "usage: PROGRAM CORPUS MUTATIONS [SEED]    tries the corpus, then these\n"
    "       PROGRAM show CORPUS SEED NUMBER    writes one mutation\n";

constexpr uint64_t kSeedDefault = 1;
constexpr size_t kInputBytesMax = 64 * 1024;
constexpr size_t kEditsMax = 6;
constexpr rlim_t kMemoryBytesMax = rlim_t{4} << 30;
constexpr size_t kPieceBytesMax = 64;

// Bytes at which formats turn.
constexpr char kTurnBytes[] =
    "\0\1\x7f\x80\xff\n\r\t \"'\\/{}[]()<>:;,.=&%#*-_09azAZ";
constexpr std::string_view kTurns(kTurnBytes, sizeof(kTurnBytes) - 1);

struct Input {
  std::string name;
  std::string bytes;
};

// What is being tried, for who must tell of the end of the program.
std::array<char, 512> current = {};

void Announce(const std::string& what) {
  const size_t size = std::min(what.size(), current.size() - 1);
  std::memcpy(current.data(), what.data(), size);
  current[size] = '\0';
}

void TellCurrent() {
  const std::array<const char*, 3> parts = {"failed: ", current.data(), "\n"};
  for (const char* part : parts) {
    if (write(STDERR_FILENO, part, std::strlen(part)) < 0) return;
  }
}

void OnSignal(int signal) {
  TellCurrent();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// On a stack of its own: an input may use up the other.
void CatchSignals() {
  static std::array<char, 64 * 1024> stack;
  const stack_t own = {
      .ss_sp = stack.data(), .ss_flags = 0, .ss_size = stack.size()};
  sigaltstack(&own, nullptr);
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGABRT, &action, nullptr);
  // Sanitizers have a better handler.
  if (__sanitizer_set_death_callback == nullptr) {
    sigaction(SIGSEGV, &action, nullptr);
  }
}

std::vector<Input> ReadCorpus(const std::string& directory) {
  std::vector<Input> corpus;
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    std::ifstream in(file.path(), std::ios::binary);
    corpus.push_back({.name = file.path().filename(),
                      .bytes = {std::istreambuf_iterator<char>(in), {}}});
  }
  std::sort(corpus.begin(), corpus.end(),
            [](const Input& a, const Input& b) { return a.name < b.name; });
  return corpus;
}

// The same on every machine, which std::uniform_int_distribution is not.
class Dice {
 public:
  Dice(uint64_t seed, uint64_t number) : engine_(seed * 1'000'003 + number) {}

  // Below `end`, which is not 0.
  size_t Below(size_t end) { return engine_() % end; }

 private:
  std::mt19937_64 engine_;
};

char Byte(Dice& dice) {
  return dice.Below(2) == 0 ? kTurns[dice.Below(kTurns.size())]
                            : static_cast<char>(dice.Below(256));
}

// Some bytes from somewhere in one of the inputs.
std::string Piece(Dice& dice, const std::vector<Input>& corpus) {
  const std::string& from = corpus[dice.Below(corpus.size())].bytes;
  if (from.empty()) return "";
  return from.substr(dice.Below(from.size()), 1 + dice.Below(kPieceBytesMax));
}

void Edit(Dice& dice, const std::vector<Input>& corpus, std::string& bytes) {
  const size_t at = dice.Below(bytes.size() + 1);
  const bool inside = at < bytes.size();
  switch (dice.Below(8)) {
    case 0:
      if (inside) bytes[at] = Byte(dice);
      break;
    case 1:
      if (inside) bytes[at] = static_cast<char>(bytes[at] ^ 1 << dice.Below(8));
      break;
    case 2:
      bytes.insert(at, 1 + dice.Below(3), Byte(dice));
      break;
    case 3:
      bytes.erase(at, 1 + dice.Below(kPieceBytesMax));
      break;
    case 4:
      bytes.insert(at, Piece(dice, corpus));
      break;
    case 5:
      bytes.replace(at, dice.Below(kPieceBytesMax), Piece(dice, corpus));
      break;
    case 6: {
      const std::string again =
          bytes.substr(at, 1 + dice.Below(bytes.size() + 1));
      bytes.insert(dice.Below(bytes.size() + 1), again);
      break;
    }
    default:
      // Seldom: most of a format is behind its beginning.
      if (dice.Below(8) == 0) bytes.resize(at);
  }
}

std::string Mutate(const std::vector<Input>& corpus, uint64_t seed,
                   uint64_t number) {
  Dice dice(seed, number);
  std::string bytes = corpus[dice.Below(corpus.size())].bytes;
  for (size_t edits = 1 + dice.Below(kEditsMax); edits > 0; --edits) {
    Edit(dice, corpus, bytes);
  }
  bytes.resize(std::min(bytes.size(), kInputBytesMax));
  return bytes;
}

void Try(const std::string& bytes) {
  // Of the very size, so that AddressSanitizer sees a read behind the end.
  const std::vector<uint8_t> exact(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

int Replay(const std::string& program, const std::string& directory,
           uint64_t mutations, uint64_t seed) {
  const std::vector<Input> corpus = ReadCorpus(directory);
  if (corpus.empty()) {
    std::cerr << "there is nothing in " << directory << "\n";
    return 2;
  }
  for (const Input& input : corpus) {
    Announce(directory + "/" + input.name);
    Try(input.bytes);
  }
  for (uint64_t number = 0; number < mutations; ++number) {
    const std::string of = std::to_string(seed) + " " + std::to_string(number);
    Announce(program + " show " + directory + " " + of);
    Try(Mutate(corpus, seed, number));
  }
  std::cout << corpus.size() << " kept inputs and " << mutations
            << " mutations of seed " << seed << ": no broken promise\n";
  return 0;
}

int Main(const std::vector<std::string>& arguments) {
  const size_t count = arguments.size();
  if (count == 5 && arguments[1] == "show") {
    std::cout << Mutate(ReadCorpus(arguments[2]), std::stoull(arguments[3]),
                        std::stoull(arguments[4]));
    return 0;
  }
  if (count != 3 && count != 4) {
    std::cerr << kUsage;
    return 2;
  }
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(TellCurrent);
  } else {
    // An input that makes a parser take all memory is to end this program, not
    // others. (Sanitizers reserve far more than they use.)
    const rlimit limit = {.rlim_cur = kMemoryBytesMax,
                          .rlim_max = kMemoryBytesMax};
    setrlimit(RLIMIT_AS, &limit);
  }
  CatchSignals();
  return Replay(arguments[0], arguments[1], std::stoull(arguments[2]),
                count == 4 ? std::stoull(arguments[3]) : kSeedDefault);
}

}  // namespace
}  // namespace keyturn::fuzz

int main(int argc, char** argv) {
  return keyturn::fuzz::Main({argv, argv + argc});
}
