#include "daemon/vault/openings.h"

#include "absl/strings/str_cat.h"

namespace keyturn::vault {

void Openings::Note(std::string_view name, int version) {
  opened_.emplace(name, version);
}

std::string Openings::Text() const {
  std::string text;
  for (const auto& [name, version] : opened_) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", "credentials/", name,
                    " version ", version);
  }
  return text;
}

}  // namespace keyturn::vault
