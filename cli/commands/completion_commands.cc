#include <algorithm>
#include <memory>

#include "absl/strings/str_split.h"
#include "cli/commands/command.h"
#include "cli/commands/paging.h"
#include "cli/names.h"

namespace keyturn::cli {
namespace {

// What `__complete` prints where the shell is to complete file names itself.
constexpr char kFilesMark[] = ":files";
constexpr char kNamesTimeout[] = "2s";

constexpr char kBashScript[] =
    R"sh(# keyturn completion for bash: source <(keyturn completion bash)
_keyturn() {
  local word="${COMP_WORDS[COMP_CWORD]}" candidates
  candidates="$("${COMP_WORDS[0]}" __complete line -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)"
  if [[ "$candidates" == ":files" ]]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$word")
  fi
}
complete -F _keyturn keyturn
)sh";

constexpr char kZshScript[] = R"sh(#compdef keyturn
# keyturn completion for zsh: source <(keyturn completion zsh)
_keyturn() {
  local -a candidates
  candidates=("${(@f)$("${words[1]}" __complete line -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "${candidates[1]}" == ":files" ]]; then
    _files
  else
    compadd -a candidates
  fi
}
compdef _keyturn keyturn
)sh";

constexpr char kFishScript[] =
    R"sh(# keyturn completion for fish: keyturn completion fish | source
function __keyturn_complete
  set -l before (commandline -opc)
  set -l word (commandline -ct)
  set -l candidates ($before[1] __complete line -- $before[2..-1] "$word" 2>/dev/null)
  if test "$candidates[1]" = ":files"
    __fish_complete_path "$word"
  else
    printf '%s\n' $candidates
  end
end
complete -c keyturn -f -a '(__keyturn_complete)'
)sh";

// The ids of all resources that a List method tells.
template <typename Stub, typename Request, typename Response, typename Resource>
std::vector<std::string> Ids(
    Client& client,
    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                 Response*),
    const google::protobuf::RepeatedPtrField<Resource>& (Response::*resources)()
        const) {
  const absl::StatusOr<Response> response = ListAll(client, method, {});
  std::vector<std::string> ids;
  if (!response.ok()) return ids;
  for (const Resource& resource : ((*response).*resources)()) {
    ids.push_back(ShortId(resource.name()));
  }
  return ids;
}

std::vector<std::string> CeligoAccountIds(Client& client) {
  std::vector<std::string> ids;
  const absl::StatusOr<v1::ListAccountsResponse> response =
      ListAll(client, &v1::Accounts::Stub::ListAccounts, {});
  if (!response.ok()) return ids;
  for (const v1::Account& account : response->accounts()) {
    if (account.has_celigo()) ids.push_back(ShortId(account.name()));
  }
  return ids;
}

std::vector<std::string> ContextNames(const Invocation& invocation) {
  std::vector<std::string> names;
  const absl::StatusOr<ContextFile> file = invocation.ReadContexts();
  if (!file.ok()) return names;
  for (const Context& context : file->contexts()) names.push_back(context.name);
  return names;
}

// The names of a kind. Empty also when the daemon cannot be asked: a completion
// has no place for errors.
std::vector<std::string> Names(Invocation& invocation,
                               const std::string& kind) {
  if (kind == kContextType) return ContextNames(invocation);
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return {};
  if (kind == kMigrationType) {
    return Ids(**client, &v1::Migrations::Stub::ListMigrations,
               &v1::ListMigrationsResponse::migrations);
  }
  if (kind == kCampaignType) {
    return Ids(**client, &v1::Campaigns::Stub::ListCampaigns,
               &v1::ListCampaignsResponse::campaigns);
  }
  if (kind == kTaskType) {
    return Ids(**client, &v1::Tasks::Stub::ListTasks,
               &v1::ListTasksResponse::tasks);
  }
  if (kind == kCredentialType) {
    return Ids(**client, &v1::Credentials::Stub::ListCredentials,
               &v1::ListCredentialsResponse::credentials);
  }
  if (kind == kAccountType) {
    return Ids(**client, &v1::Accounts::Stub::ListAccounts,
               &v1::ListAccountsResponse::accounts);
  }
  if (kind == kIdentityType) {
    return Ids(**client, &v1::Access::Stub::ListIdentities,
               &v1::ListIdentitiesResponse::identities);
  }
  return kind == kCeligoAccountType ? CeligoAccountIds(**client)
                                    : std::vector<std::string>();
}

// What the values 1 to `last` of an enum are called.
std::vector<std::string> Words(int last, std::string (*name)(int)) {
  std::vector<std::string> words;
  for (int i = 1; i <= last; ++i) words.push_back(name(i));
  return words;
}

// Candidates for a value of this type, as the help calls it: "FILE",
// "MIGRATION", or ":{table,json,yaml}".
std::vector<std::string> Values(Invocation& invocation,
                                const std::string& type) {
  const size_t open = type.find('{');
  const size_t close = type.find('}');
  if (open != std::string::npos && close != std::string::npos) {
    return absl::StrSplit(type.substr(open + 1, close - open - 1), ',');
  }
  if (type == kFileType) return {kFilesMark};
  if (type == kStateType) {
    return Words(v1::Migration::State_MAX, [](int i) {
      return StateName(static_cast<v1::Migration::State>(i));
    });
  }
  if (type == kStepType) {
    return Words(v1::Step::Name_MAX, [](int i) {
      return StepName(static_cast<v1::Step::Name>(i));
    });
  }
  return Names(invocation, type);
}

// Where the words before the last one lead.
struct Place {
  const CLI::App* command;
  // The option whose value comes next, if one does.
  const CLI::Option* option = nullptr;
  size_t positionals = 0;
};

const CLI::Option* FindOption(const CLI::App* command,
                              const std::string& word) {
  for (; command != nullptr; command = command->get_parent()) {
    for (const CLI::Option* option : command->get_options()) {
      if (!option->get_positional() && option->check_name(word)) return option;
    }
  }
  return nullptr;
}

Place Walk(const CLI::App& top, const std::vector<std::string>& words) {
  Place place = {.command = &top};
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (place.option != nullptr) {
      place.option = nullptr;
    } else if (words[i].rfind('-', 0) == 0) {
      const CLI::Option* option = FindOption(place.command, words[i]);
      const bool takes_value =
          option != nullptr && option->get_items_expected_max() > 0;
      place.option = takes_value ? option : nullptr;
    } else {
      const auto subcommands = place.command->get_subcommands(
          [&](const CLI::App* app) { return app->get_name() == words[i]; });
      if (subcommands.empty()) {
        ++place.positionals;
      } else {
        place.command = subcommands.front();
      }
    }
  }
  return place;
}

std::vector<std::string> OptionNames(const CLI::App* command) {
  std::vector<std::string> names;
  for (; command != nullptr; command = command->get_parent()) {
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        names.push_back("--" + name);
      }
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::vector<std::string> Candidates(Invocation& invocation, const CLI::App& top,
                                    const std::vector<std::string>& words) {
  const Place place = Walk(top, words);
  if (place.option != nullptr) {
    return Values(invocation, place.option->get_type_name());
  }
  if (!words.empty() && words.back().rfind('-', 0) == 0) {
    return OptionNames(place.command);
  }
  std::vector<std::string> names;
  for (const CLI::App* command :
       place.command->get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) names.push_back(command->get_name());
  }
  size_t position = 0;
  for (const CLI::Option* option : place.command->get_options()) {
    if (option->get_positional() && position++ == place.positionals) {
      return Values(invocation, option->get_type_name());
    }
  }
  return names;
}

// The value that the words give to a global option, or empty.
std::string ValueOf(const std::vector<std::string>& words,
                    const std::string& option) {
  const auto found = std::find(words.begin(), words.end(), option);
  return found == words.end() || found + 1 == words.end() ? "" : *(found + 1);
}

struct Arguments {
  std::string shell;
  std::string kind;
  std::vector<std::string> words;
};

Outcome Complete(Invocation& invocation, const CLI::App& top,
                 const Arguments& arguments) {
  invocation.Prefer(ValueOf(arguments.words, "--config"),
                    ValueOf(arguments.words, "--context"), kNamesTimeout);
  const std::vector<std::string> candidates =
      arguments.kind == "line" ? Candidates(invocation, top, arguments.words)
                               : Names(invocation, arguments.kind);
  for (const std::string& candidate : candidates) {
    invocation.console().Write(Stream::kOut, candidate + "\n");
  }
  return ExitCode::kDone;
}

Outcome Print(Invocation& invocation, const std::string& shell) {
  invocation.console().Write(Stream::kOut, shell == "bash"  ? kBashScript
                                           : shell == "zsh" ? kZshScript
                                                            : kFishScript);
  return ExitCode::kDone;
}

}  // namespace

void AddCompletionCommands(CLI::App& top, Invocation& invocation) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App& completion = AddCommand(
      top, invocation, "completion",
      "Prints a script that completes commands, options and names",
      {"source <(keyturn completion bash)", "source <(keyturn completion zsh)",
       "keyturn completion fish | source"},
      [&invocation, arguments] { return Print(invocation, arguments->shell); });
  completion.add_option("SHELL", arguments->shell, "Which shell")
      ->type_name("")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));

  CLI::App& complete = AddCommand(
      top, invocation, "__complete", "Tells the shell what may come next", {},
      [&invocation, &top, arguments] {
        return Complete(invocation, top, *arguments);
      });
  complete.group("");
  complete.fallthrough(false);
  complete
      .add_option("KIND", arguments->kind,
                  "line, or a kind of name: MIGRATION, TASK, …")
      ->required();
  complete.add_option("WORDS", arguments->words, "With line: the words so far");
}

}  // namespace keyturn::cli
