#include "tests/fuzz/scratch_file.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/require.h"

namespace keyturn::fuzz {

ScratchFile::ScratchFile()
    : directory_(
          (std::filesystem::temp_directory_path() / "keyturn-fuzz-XXXXXX")
              .string()) {
  Require(mkdtemp(directory_.data()) != nullptr, "there is a place for files");
  path_ = directory_ + "/file";
}

ScratchFile::~ScratchFile() { std::filesystem::remove_all(directory_); }

void ScratchFile::Write(std::string_view content) const {
  std::ofstream out(path_, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  Require(out.good() && chmod(path_.c_str(), 0600) == 0,
          "the file can be written");
}

std::string ScratchFile::Read() const {
  std::ifstream in(path_, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace keyturn::fuzz
