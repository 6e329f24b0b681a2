#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/commands/command.h"
#include "cli/errors.h"
#include "cli/identity/certificates.h"
#include "cli/identity/renewal.h"
#include "cli/output/table.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

using Json = nlohmann::ordered_json;

// A certificate that is due to be renewed and has less left is pointed out.
constexpr absl::Duration kExpiryWarning = absl::Hours(24 * 14);

// When the context's certificate ends; nothing where it has none that can be
// read: over a unix socket nobody needs one.
std::optional<absl::Time> CertificateEnd(const Context& context) {
  if (context.OverUnixSocket()) return std::nullopt;
  const absl::StatusOr<Validity> validity = ValidityOf(context.certificate);
  if (!validity.ok()) return std::nullopt;
  return validity->end;
}

Cell Expiry(const Context& context, absl::Time now) {
  const std::optional<absl::Time> end = CertificateEnd(context);
  if (!end.has_value()) return Cell("");
  const std::string day =
      absl::FormatTime("%Y-%m-%d", *end, absl::UTCTimeZone());
  if (*end <= now) return {day + ", EXPIRED", Color::kRed};
  const absl::Duration left = *end - now;
  return {absl::StrCat(day, ", in ", FormatSpan(left)),
          left < kExpiryWarning ? Color::kYellow : Color::kPlain};
}

// Says on standard error what will stop working soon, or has.
void WarnOfExpiry(const Context& context, absl::Time now, Console& console) {
  const std::optional<absl::Time> end = CertificateEnd(context);
  if (!end.has_value() || *end - now >= kExpiryWarning) return;
  const std::string whose = absl::StrCat("warning: the certificate of \"",
                                         OneLine(context.name), "\" ");
  if (*end <= now) {
    console.Write(Stream::kError,
                  absl::StrCat(whose, "has expired: keyturn enroll ",
                               OneLine(context.server),
                               " --token-from FILE, with a new invitation\n"));
  } else if (IsRenewalDue(context, now)) {
    console.Write(Stream::kError,
                  absl::StrCat(whose, "ends in ", FormatSpan(*end - now),
                               ": keyturn --context ", OneLine(context.name),
                               " whoami renews it\n"));
  }
}

// Everything but the key.
Json Describe(const Context& context) {
  const std::optional<absl::Time> end = CertificateEnd(context);
  return {{"name", context.name},
          {"server", context.server},
          {"serverName", context.server_name},
          {"keySet", !context.key.empty()},
          {"certificateExpireTime",
           end.has_value() ? absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", *end,
                                              absl::UTCTimeZone())
                           : ""}};
}

Outcome List(Invocation& invocation) {
  const absl::StatusOr<ContextFile> file = invocation.ReadContexts();
  if (!file.ok()) return WhileDoing(file.status(), "cannot list the contexts");
  Json value = {{"currentContext", file->current()},
                {"contexts", Json::array()}};
  const absl::Time now = absl::Now();
  Table table({"CURRENT", "NAME", "EXPIRES", "SERVER"});
  for (const Context& context : file->contexts()) {
    value["contexts"].push_back(Describe(context));
    table.Add({context.name == file->current() ? "*" : " ", context.name,
               Expiry(context, now), context.server});
    WarnOfExpiry(context, now, invocation.console());
  }
  invocation.Print(
      value, [&table](const Style& style) { return table.ToText(style); });
  return ExitCode::kDone;
}

Outcome Show(Invocation& invocation, const std::string& name) {
  const absl::StatusOr<ContextFile> file = invocation.ReadContexts();
  if (!file.ok()) return WhileDoing(file.status(), "cannot show the context");
  const absl::StatusOr<const Context*> found = file->Find(name);
  if (!found.ok()) return WhileDoing(found.status(), "cannot show the context");
  const Context& context = **found;
  const absl::Time now = absl::Now();
  WarnOfExpiry(context, now, invocation.console());
  invocation.Print(Describe(context), [&](const Style& style) {
    return ToText({{"name", context.name},
                   {"server", context.server},
                   {"server name", context.server_name},
                   {"key", context.key.empty() ? "none" : "in the file"},
                   {"expires", Expiry(context, now)},
                   {"file", file->path()}},
                  style);
  });
  return ExitCode::kDone;
}

Outcome Change(Invocation& invocation, const std::string& name,
               absl::Status (ContextFile::*change)(const std::string&),
               const std::string& done) {
  const absl::StatusOr<std::unique_ptr<ContextLock>> lock =
      ContextLock::Take(invocation.context_path());
  if (!lock.ok()) {
    return WhileDoing(lock.status(), "cannot change the contexts");
  }
  absl::StatusOr<ContextFile> file = invocation.ReadContexts();
  if (!file.ok())
    return WhileDoing(file.status(), "cannot change the contexts");
  absl::Status status = ((*file).*change)(name);
  if (status.ok()) status = file->Write();
  if (!status.ok()) return WhileDoing(status, "cannot change the contexts");
  invocation.Print(Json{{"currentContext", file->current()}},
                   [&](const Style&) { return done + OneLine(name) + "\n"; });
  return ExitCode::kDone;
}

}  // namespace

void AddContextCommands(CLI::App& top, Invocation& invocation) {
  CLI::App& noun = AddNoun(top, "context", "The daemons this program knows");
  const auto name = std::make_shared<std::string>();

  AddCommand(noun, invocation, "list", "Lists the contexts of the file",
             {"keyturn context list"},
             [&invocation] { return List(invocation); });

  CLI::App& use = AddCommand(
      noun, invocation, "use", "Makes a context the current one",
      {"keyturn context use production"}, [&invocation, name] {
        return Change(invocation, *name, &ContextFile::Use, "now using ");
      });
  AddPositional(use, "NAME", *name, "The context", kContextType);

  CLI::App& show =
      AddCommand(noun, invocation, "show", "Shows a context, without its key",
                 {"keyturn context show", "keyturn context show production"},
                 [&invocation, name] { return Show(invocation, *name); });
  AddPositional(show, "NAME", *name, "The context [the current one]",
                kContextType)
      .required(false);

  CLI::App& remove = AddCommand(
      noun, invocation, "remove", "Forgets a context and its key",
      {"keyturn context remove rehearsal"}, [&invocation, name] {
        return Change(invocation, *name, &ContextFile::Remove, "removed ");
      });
  AddPositional(remove, "NAME", *name, "The context", kContextType);
}

}  // namespace keyturn::cli
