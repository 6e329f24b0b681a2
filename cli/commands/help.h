#ifndef KEYTURN_CLI_COMMANDS_HELP_H_
#define KEYTURN_CLI_COMMANDS_HELP_H_

#include <CLI/CLI.hpp>
#include <string>

namespace keyturn::cli {

// Help texts that fit into 80 columns and show the words an option takes as
// "table|json|yaml".
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter();

  std::string make_description(const CLI::App* app) const override;
  std::string make_subcommand(const CLI::App* sub) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_option_desc(const CLI::Option* option) const override;
};

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_COMMANDS_HELP_H_
