// The daemon's configuration.
#include <string>

#include "absl/strings/match.h"
#include "daemon/app/address.h"
#include "daemon/app/config.h"
#include "daemon/rpc/unix_listener.h"
#include "daemon/upstream/http/allowed_hosts.h"
#include "tests/fuzz/lines.h"
#include "tests/fuzz/require.h"

namespace keyturn::fuzz {
namespace {

constexpr char kPath[] = "/etc/keyturn/keyturnd.yaml";

void RequireUsable(const app::Config& config) {
  for (const std::string& path :
       {config.data_dir, config.audit_checkpoints, config.StorePath()}) {
    Require(absl::StartsWith(path, "/"), "a path is absolute", path);
  }
  Require(!config.listen_tcp.empty() || !config.listen_unix.empty(),
          "somebody can call");
  Require(config.listen_unix.size() <= rpc::kUnixPathSizeMax,
          "the socket's path fits");
  if (!config.listen_tcp.empty()) {
    Require(app::ParseAddress(config.listen_tcp).ok(), "the address is one");
    Require(!config.tls_ca.empty() && !config.tls_certificate.empty() &&
                !config.tls_key.empty(),
            "TCP has TLS");
  }
  Require(http::AllowedHosts::Parse(config.allowed_hosts).ok(),
          "the hosts are hosts");
  Require(config.unix_peers.size() <= access::kUnixPeersMax &&
              config.outside_ca.grants.size() <= access::kSpiffePatternsMax,
          "no more callers than allowed");
  Require(config.checkpoint_interval >= absl::Seconds(1) &&
              config.stop_deadline <= absl::Seconds(app::kStopSecondsMax),
          "numbers are within their limits");
}

}  // namespace
}  // namespace keyturn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keyturn;
  const std::string text(fuzz::TextOf(data, size));
  const absl::StatusOr<app::Config> config =
      app::ParseConfig(text, fuzz::kPath);
  if (config.ok()) {
    fuzz::RequireUsable(*config);
  } else {
    fuzz::RequireLineOfEach(config.status(), fuzz::kPath, text);
  }
  return 0;
}
