#include "cli/commands/help.h"

#include <sstream>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

constexpr int kColumns = 80;
constexpr size_t kLabelColumns = 28;

std::string Wrapped(const std::string& text, int columns) {
  return absl::StrJoin(Wrap(text, columns), "\n");
}

}  // namespace

HelpFormatter::HelpFormatter() { column_width(kLabelColumns); }

std::string HelpFormatter::make_description(const CLI::App* app) const {
  return Wrapped(app->get_description(), kColumns) + "\n";
}

std::string HelpFormatter::make_subcommand(const CLI::App* sub) const {
  std::ostringstream out;
  const int columns = kColumns - static_cast<int>(kLabelColumns);
  CLI::detail::format_help(out, sub->get_name(),
                           Wrapped(sub->get_description(), columns),
                           kLabelColumns);
  return out.str();
}

std::string HelpFormatter::make_option_opts(const CLI::Option* option) const {
  if (option->get_type_size() == 0) return "";
  const std::string type = absl::StrReplaceAll(
      option->get_type_name(), {{":{", ""}, {"}", ""}, {",", "|"}});
  const bool repeats_name = option->get_positional();
  return type.empty() || repeats_name ? "" : " " + type;
}

std::string HelpFormatter::make_option_desc(const CLI::Option* option) const {
  const int columns = kColumns - static_cast<int>(kLabelColumns);
  const bool needed = option->get_required() && !option->get_positional();
  return Wrapped(option->get_description() + (needed ? " (required)" : ""),
                 columns);
}

}  // namespace keyturn::cli
