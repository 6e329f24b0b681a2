#ifndef KEYTURN_CLI_NEW_FILE_H_
#define KEYTURN_CLI_NEW_FILE_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace keyturn::cli {

// A file that is being made, for nobody else to read (mode 0600). What was not
// kept is gone with this object.
class NewFile {
 public:
  // FailedPrecondition when there is such a file already.
  static absl::StatusOr<std::unique_ptr<NewFile>> Make(const std::string& path);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  absl::Status Write(std::string_view bytes);
  // Durable on return.
  absl::Status Keep();

 private:
  NewFile(std::string path, int descriptor);
  absl::Status Failed() const;

  const std::string path_;
  const int descriptor_;
  bool kept_ = false;
};

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_NEW_FILE_H_
