// What Admin/GetSupportBundle answers.
#ifndef KEYTURN_DAEMON_RPC_SUPPORT_BUNDLE_H_
#define KEYTURN_DAEMON_RPC_SUPPORT_BUNDLE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "daemon/store/store.h"
#include "keyturn/v1/admin.pb.h"

namespace keyturn::rpc {

// Of each kind of thing; what is cut is counted.
inline constexpr int kBundleItemsMax = 200;
// Of the log, newest last.
inline constexpr size_t kBundleLogBytesMax = 512 * 1024;

// What only the process itself can tell. None of it is secret: keys of the
// configuration, names of limits.
struct Diagnosis {
  std::map<std::string, std::string> configuration;
  std::map<std::string, std::string> process;
  // Oldest first.
  std::vector<std::string> log_lines;
};

// Adds to `bundle` what `store` and `diagnosis` have. Errors as of the store's
// reads.
absl::Status FillSupportBundle(store::Store& store, const Diagnosis& diagnosis,
                               absl::Time now, v1::SupportBundle* bundle);

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_SUPPORT_BUNDLE_H_
