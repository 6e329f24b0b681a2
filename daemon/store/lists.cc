#include "daemon/store/lists.h"

#include "absl/strings/str_cat.h"
#include "daemon/base/resource.h"
#include "daemon/base/status.h"
#include "daemon/store/codec.h"

namespace keyturn::store {

absl::Status NoSuch(std::string_view what, std::string_view name,
                    std::string_view reason) {
  return base::WithResource(
      base::WithReason(
          absl::NotFoundError(absl::StrCat("there is no ", base::ToAbsl(what),
                                           " ", base::ToAbsl(name))),
          reason),
      name);
}

std::string AfterItem(absl::Time created_at, std::string_view id) {
  return absl::StrCat(EncodeTime(created_at), ".", base::ToAbsl(id));
}

}  // namespace keyturn::store
