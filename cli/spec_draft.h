#ifndef KEYTURN_CLI_SPEC_DRAFT_H_
#define KEYTURN_CLI_SPEC_DRAFT_H_

#include <string>
#include <vector>

#include "keyturn/v1/inventory.pb.h"

namespace keyturn::cli {

// What no outside system tells of a migration. Empty: to be filled in by hand.
struct SpecAnswers {
  // The daemon's name of the NetSuite account.
  std::string netsuite_account;
  std::string user;
  std::string role;
};

struct SpecDraft {
  // A spec file, with what was found of the connection as its heading. Fields
  // that are to be filled in stand there without a value and with a comment;
  // SpecFile refuses each by its name.
  std::string text;
  // "netsuite.user". Empty: the file is ready.
  std::vector<std::string> to_fill_in;
};

// Pure. Texts from outside come into comments on one line, and into values as
// YAML that reads as the same text.
SpecDraft DraftSpec(const std::string& celigo_account,
                    const v1::DiscoveredConnection& connection,
                    const SpecAnswers& answers);

// "ID.yaml", or empty where the id is not the 24 hexadecimal digits that a spec
// takes: what comes from outside names no other file.
std::string SpecFileName(const v1::DiscoveredConnection& connection);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_SPEC_DRAFT_H_
