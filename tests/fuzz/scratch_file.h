// A file of this process alone, for what reads files only.
#ifndef KEYTURN_TESTS_FUZZ_SCRATCH_FILE_H_
#define KEYTURN_TESTS_FUZZ_SCRATCH_FILE_H_

#include <string>
#include <string_view>

namespace keyturn::fuzz {

// Its directory (mode 0700) goes with the object.
class ScratchFile {
 public:
  ScratchFile();
  ~ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  const std::string& path() const { return path_; }
  // Mode 0600.
  void Write(std::string_view content) const;
  std::string Read() const;

 private:
  std::string directory_;
  std::string path_;
};

}  // namespace keyturn::fuzz

#endif  // KEYTURN_TESTS_FUZZ_SCRATCH_FILE_H_
