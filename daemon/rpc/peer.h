// Who is at the other end of a call.
#ifndef KEYTURN_DAEMON_RPC_PEER_H_
#define KEYTURN_DAEMON_RPC_PEER_H_

#include <grpcpp/security/auth_context.h>

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/access/authorities.h"
#include "daemon/access/identity.h"

namespace keyturn::rpc {

// How gRPC (1.51) lets a handler tell the connections apart: by the kind of
// credentials that the listener was given, which the peer cannot choose.
//
//   listener              credentials   transport_security_type
//   TCP                   SSL           "ssl"
//   unix, one each user   local (UDS)   "local"; gRPC itself checks that the
//                                       connection is a unix socket
//
// gRPC tells a handler nothing of a unix peer's user; hence one listener for
// each user that the unix socket admits (unix_listener.h), whose Usher
// (porter.h) writes the user's id into the connection's context.
inline constexpr char kUidProperty[] = "keyturn_uid";

// The identity of the peer, from its certificate or its user id; an anonymous
// one for a TLS peer that showed no certificate. `peer` is the address as gRPC
// writes it ("ipv4:…", "unix:"): a second proof of the transport.
// Unauthenticated for anything that is not in the table, for a user that is not
// among `unix_peers`, for a certificate that `authorities` refuse, and for one
// that expired on a connection that is still open (CERTIFICATE_EXPIRED).
absl::StatusOr<access::Identity> IdentityOf(const grpc::AuthContext& context,
                                            std::string_view peer,
                                            const access::UnixPeers& unix_peers,
                                            access::Authorities& authorities,
                                            absl::Time now);

// The machine that a `peer` as above is at: what comes before the port; of an
// IPv6 address the first 64 bits, since who has one has all below it.
std::string AddressOf(std::string_view peer);
// Of the peer's certificate: "CN=ann"; empty when it has none.
std::string SubjectOf(const grpc::AuthContext& context);

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_PEER_H_
