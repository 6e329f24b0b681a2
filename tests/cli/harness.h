#ifndef KEYTURN_TESTS_CLI_HARNESS_H_
#define KEYTURN_TESTS_CLI_HARNESS_H_

#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cli/exit_code.h"

namespace keyturn::cli {

// A directory of its own for each test; gone with this object.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }

  // Writes a file of mode 0600 and gives back its path.
  std::string Write(const std::string& name, const std::string& text) const;

 private:
  std::string path_;
};

std::string ReadText(const std::string& path);

struct Result {
  ExitCode code;
  std::string out;
  std::string error;
};

using Environment = std::map<std::string, std::string>;

// Runs the program in this process, with files for its streams.
Result RunKeyturn(const std::vector<std::string>& arguments,
                  const std::string& in = "",
                  const Environment& environment = {});

// Runs the program in this process on a pseudo-terminal, on a thread of its
// own. The test plays the person in front of it.
class TerminalSession {
 public:
  TerminalSession(const std::vector<std::string>& arguments,
                  const Environment& environment, int columns = 80,
                  int rows = 24);
  TerminalSession(const TerminalSession&) = delete;
  TerminalSession& operator=(const TerminalSession&) = delete;
  // Interrupts the program where it takes signals, ends its input, and waits.
  ~TerminalSession();

  // Reads until `text` has appeared after what was expected before. False after
  // 20 seconds; `shown` then tells what was there.
  bool Expect(const std::string& text);

  void Type(const std::string& text);
  void Resize(int columns, int rows);

  // Waits for the end; everything shown is in `shown` then.
  ExitCode Wait();

  const std::string& shown() const { return shown_; }

 private:
  // False when nothing came in the time.
  bool ReadSome(int timeout_ms);

  int master_ = -1;
  int slave_ = -1;
  std::string shown_;
  size_t expected_up_to_ = 0;
  std::optional<ExitCode> code_;
  std::thread thread_;
};

// Compares with the file of this name beside the tests; with
// KEYTURN_UPDATE_GOLDEN=1 in the environment it writes the file instead.
// Empty when equal, else what differs.
std::string CompareWithGolden(const std::string& name, const std::string& text);

}  // namespace keyturn::cli

#endif  // KEYTURN_TESTS_CLI_HARNESS_H_
