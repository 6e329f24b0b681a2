#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands/command.h"
#include "cli/errors.h"
#include "cli/output/table.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

using Json = nlohmann::ordered_json;

// Everything but the key.
Json Describe(const Context& context) {
  return {{"name", context.name},
          {"server", context.server},
          {"serverName", context.server_name},
          {"keySet", !context.key.empty()}};
}

Outcome List(Invocation& invocation) {
  const absl::StatusOr<ContextFile> file = invocation.ReadContexts();
  if (!file.ok()) return WhileDoing(file.status(), "cannot list the contexts");
  Json value = {{"currentContext", file->current()},
                {"contexts", Json::array()}};
  Table table({"CURRENT", "NAME", "SERVER"});
  for (const Context& context : file->contexts()) {
    value["contexts"].push_back(Describe(context));
    table.Add({context.name == file->current() ? "*" : " ", context.name,
               context.server});
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
  invocation.Print(Describe(context), [&](const Style& style) {
    return ToText({{"name", context.name},
                   {"server", context.server},
                   {"server name", context.server_name},
                   {"key", context.key.empty() ? "none" : "in the file"},
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
