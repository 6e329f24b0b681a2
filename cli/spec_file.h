#ifndef KEYTURN_CLI_SPEC_FILE_H_
#define KEYTURN_CLI_SPEC_FILE_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/console.h"
#include "keyturn/v1/migrations.pb.h"

namespace keyturn::cli {

// What an operator asked for, as read from a YAML file, and where it stands.
class SpecFile {
 public:
  // Reads `path`, or standard input for "-". InvalidArgument with one
  // "FILE:LINE: field: what is allowed" for each mistake: a key that is not
  // known, given twice or missing, a value of another type. Whether the values
  // make sense is the daemon's to say.
  static absl::StatusOr<SpecFile> Read(const std::string& path,
                                       Console& console);

  // The same for a text; `file` is what errors call it.
  static absl::StatusOr<SpecFile> Parse(const std::string& text,
                                        const std::string& file);

  const v1::Spec& spec() const { return spec_; }

  // Where the daemon found fault with fields of the spec, says the file's line
  // of each and calls the field as the file does. Other errors stay as they
  // are. `name` is what the request calls the spec: "spec", "specs[3]".
  absl::Status Locate(const absl::Status& status,
                      const std::string& name = "spec") const;

 private:
  struct Place {
    int line;
    // As the file calls it: "role.addPermissions".
    std::string field;
  };

  friend class SpecReader;

  const Place* Find(std::string field) const;

  std::string file_;
  v1::Spec spec_;
  // By the field's name in the request: "spec.role.add_permissions".
  std::map<std::string, Place> places_;
};

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_SPEC_FILE_H_
