#ifndef KEYTURN_CLI_ERRORS_H_
#define KEYTURN_CLI_ERRORS_H_

#include <grpcpp/support/status.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cli/exit_code.h"

namespace keyturn::cli {

// Errors inside the command line are absl::Status. What only some of them have
// travels as payloads: the daemon's google.rpc details, what was being tried,
// and the command to type next.

struct FieldViolation {
  // In proto names, inside the request: "spec.celigo.connection".
  std::string field;
  std::string description;
};

// What the daemon said about an error beyond its code and message.
struct ErrorDetails {
  // UPPER_SNAKE_CASE; empty when the error was not made by the daemon.
  std::string reason;
  std::map<std::string, std::string> metadata;
  std::vector<FieldViolation> violations;
  std::vector<std::string> preconditions;
  std::optional<absl::Duration> retry_delay;
};

// Keeps code, message and details.
absl::Status FromGrpc(const grpc::Status& status);

// Empty details for a status that carries none or that do not parse.
ErrorDetails DetailsOf(const absl::Status& status);

// A mistake in the command, a file it names, or a value typed in: exit code 2.
absl::Status UsageError(std::string_view why, std::string_view next = "");

// Says what was being tried ("cannot pause migrations/abc") and on which
// resource, so that the error can name the next command. OK stays OK, and what
// an inner call already said stays too.
absl::Status WhileDoing(absl::Status status, std::string_view what,
                        std::string_view subject = "");

// Replaces the next command that would be found from code and reason.
absl::Status WithNext(absl::Status status, std::string_view next);

// Replaces the message and keeps the rest.
absl::Status WithMessage(const absl::Status& status, std::string_view message);

// Whether the daemon was reached and an outside system was at fault: its
// reasons begin with OUTSIDE_.
bool IsOutside(const absl::Status& status);

ExitCode ExitCodeOf(const absl::Status& status);

// What a person or a script is told about an error.
struct Problem {
  ExitCode exit_code;
  absl::StatusCode code;
  std::string what;
  std::string why;
  std::string next;
  ErrorDetails details;
};

// `command` is the one whose help tells more about a mistake in its usage.
Problem Explain(const absl::Status& status,
                std::string_view command = "keyturn COMMAND");

// Up to three paragraphs: "error: …", "  why: …", "  next: …".
std::string ToText(const Problem& problem);

// One JSON object on one line.
std::string ToJson(const Problem& problem);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_ERRORS_H_
