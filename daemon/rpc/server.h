// The daemon's gRPC server: all services, both transports, health, reflection.
#ifndef KEYTURN_DAEMON_RPC_SERVER_H_
#define KEYTURN_DAEMON_RPC_SERVER_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/access/authorities.h"
#include "daemon/access/identity.h"
#include "daemon/audit/trail.h"
#include "daemon/base/clock.h"
#include "daemon/engine/custodian.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/registry.h"
#include "daemon/rpc/daemon_services.h"
#include "daemon/rpc/gate.h"
#include "daemon/secret/secret.h"
#include "daemon/store/store.h"

namespace keyturn::rpc {

// A request; the largest one carries an account's certificates.
inline constexpr int kRequestBytesMax = 256 * 1024;
// What gRPC may hold for all callers together: messages that are half sent,
// answers that nobody reads, the connections themselves. Beyond it gRPC closes
// connections without calls, and reads no more from the others until there is
// room.
inline constexpr size_t kGrpcBytesMax = size_t{128} << 20;
// Calls and streams that one connection may have open.
inline constexpr int kStreamsPerConnectionMax = 4096;
// A peer that does not answer for that long is taken for gone.
inline constexpr absl::Duration kKeepaliveInterval = absl::Seconds(60);
inline constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(20);
// TLS and the first frames must be through by then.
inline constexpr absl::Duration kHandshakeTimeout = absl::Seconds(10);
// A connection without a call is closed after that; callers connect again by
// themselves.
inline constexpr absl::Duration kIdleConnectionMax = absl::Minutes(10);
// Headers of one call.
inline constexpr int kMetadataBytesMax = 8 * 1024;
// Peers may ask for a sign of life that often.
inline constexpr absl::Duration kPeerKeepaliveMin = absl::Seconds(10);

// The full names ("keyturn.v1.Tasks/GetTask") of every RPC that the server
// serves, health and reflection included.
std::vector<std::string> ServedRpcs();

// Thread-safe.
class Server {
 public:
  struct Tcp {
    // "HOST:PORT"; port 0: any free one.
    std::string address;
    // Callers' certificates must be signed by one of these, or an outside one.
    std::string ca_pem;
    std::string certificate_pem;
    secret::Secret key_pem;
    // The key of the only certificate in `ca_pem`, with which callers get
    // theirs: then no other certificates are let in than those of the store.
    // Empty: somebody else signs them.
    secret::Secret ca_key_pem = {};
    // Lets in those of another authority whom it names; none: there is none.
    std::optional<access::OutsideCa> outside_ca = {};
  };

  struct Options {
    // What is served; all of it outlives the server.
    store::Store& store;
    engine::Engine& engine;
    engine::Registry& registry;
    audit::Trail& trail;
    engine::Custodian& custodian;
    base::Clock& clock;
    DaemonFacts facts;
    FingerprintKeySource fingerprint_key;
    // Where; at least one of them.
    std::optional<Tcp> tcp;
    std::string unix_path;
    CallLog call_log;
    // One line for the operator's log.
    std::function<void(const std::string&)> log;
    // See Gate::Options.
    bool records_requests = false;
    // How often each caller may call.
    access::RateLimit::Options call_rate = {kCallBurstMax, kCallInterval};
    absl::Duration call_time_max = kCallTimeMax;
    // The store's file, for a back-up that comes back; `on_restored` is called
    // when one did: see BackUpStreams.
    std::string store_path = {};
    std::function<void()> on_restored = nullptr;
    // Who may connect to the unix socket beside the daemon's own user and root.
    // Where there is none, its file is closed to others; else it is open to the
    // group, if one is given, or to everybody.
    access::UnixPeers unix_peers = {};
    std::optional<gid_t> unix_group = {};
  };

  // Serves when it returns. Internal when an RPC has no row in the table of
  // permissions; FailedPrecondition or Unavailable when an address cannot be
  // listened at.
  static absl::StatusOr<std::unique_ptr<Server>> Start(Options options);

  // Shuts down at once.
  virtual ~Server() = default;

  // The port that was bound; 0 without TCP.
  virtual int tcp_port() const = 0;

  // New connections get these from now on; those that are open stay as they
  // are, but each of their calls is judged by the authorities of now, and
  // streams of callers whom the outside one let in, and does not any more, end
  // at once. The address does not change. InvalidArgument when certificate and
  // key do not fit together; the former ones then stay. One thread at a time,
  // and not after Shutdown.
  virtual absl::Status UseCertificates(Tcp certificates) = 0;

  // Health says NOT_SERVING from now on; calls are still answered.
  virtual void AnnounceStop() = 0;

  // No new connections and calls. Watchers are told that the daemon stops;
  // other calls may end until `deadline`, then they are cut. Returns when none
  // is left. Waits for the engine's answers: stop the engine before or
  // meanwhile.
  virtual void Shutdown(absl::Time deadline) = 0;
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_SERVER_H_
