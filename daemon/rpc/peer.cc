#include "daemon/rpc/peer.h"

#include <arpa/inet.h>
#include <grpc/grpc_security_constants.h>

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::rpc {
namespace {

// Empty unless there is exactly one value.
std::string OnlyValueOf(const grpc::AuthContext& context, const char* name) {
  const std::vector<grpc::string_ref> values = context.FindPropertyValues(name);
  return values.size() == 1 ? std::string(values[0].data(), values[0].size())
                            : std::string();
}

absl::StatusOr<access::Identity> IdentityOfTlsPeer(
    const grpc::AuthContext& context, access::Authorities& authorities,
    absl::Time now) {
  if (context.FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME).empty()) {
    access::Identity anonymous;
    anonymous.transport = access::Transport::kTls;
    return anonymous;
  }
  ASSIGN_OR_RETURN(
      access::Identity identity,
      authorities.IdentityOf(
          OnlyValueOf(context, GRPC_X509_PEM_CERT_PROPERTY_NAME),
          OnlyValueOf(context, GRPC_X509_PEM_CERT_CHAIN_PROPERTY_NAME)));
  if (identity.certificate_expires_at <= now) {
    return base::WithReason(
        absl::UnauthenticatedError(
            "the client certificate has expired; ask an administrator for a "
            "new one"),
        "CERTIFICATE_EXPIRED");
  }
  return identity;
}

// Null for a user whom nobody knows.
const access::UnixPeers::value_type* FindUnixPeer(
    const grpc::AuthContext& context, const access::UnixPeers& unix_peers) {
  uid_t uid = 0;
  if (!absl::SimpleAtoi(OnlyValueOf(context, kUidProperty), &uid)) {
    return nullptr;
  }
  const auto found = unix_peers.find(uid);
  return found == unix_peers.end() ? nullptr : &*found;
}

}  // namespace

std::string SubjectOf(const grpc::AuthContext& context) {
  return OnlyValueOf(context, GRPC_X509_SUBJECT_PROPERTY_NAME);
}

absl::StatusOr<access::Identity> IdentityOf(const grpc::AuthContext& context,
                                            std::string_view peer,
                                            const access::UnixPeers& unix_peers,
                                            access::Authorities& authorities,
                                            absl::Time now) {
  const std::string type =
      OnlyValueOf(context, GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME);
  const bool on_unix_socket = peer.starts_with("unix:");
  if (type == GRPC_SSL_TRANSPORT_SECURITY_TYPE && !on_unix_socket) {
    return IdentityOfTlsPeer(context, authorities, now);
  }
  if (type == "local" && on_unix_socket) {
    const auto* user = FindUnixPeer(context, unix_peers);
    if (user != nullptr) return access::UnixIdentity(user->first, user->second);
  }
  return absl::UnauthenticatedError(
      "this kind of connection is not served; use TLS with a client "
      "certificate, or the daemon's unix socket");
}

std::string AddressOf(std::string_view peer) {
  const std::string_view address = peer.substr(0, peer.rfind(':'));
  constexpr std::string_view kIpv6 = "ipv6:%5B";
  if (!address.starts_with(kIpv6)) return std::string(address);
  const std::string_view text = address.substr(kIpv6.size());
  in6_addr bytes;
  if (inet_pton(AF_INET6, std::string(text.substr(0, text.find('%'))).c_str(),
                &bytes) != 1) {
    return std::string(address);
  }
  constexpr size_t kNetworkBytes = 8;
  return absl::StrCat("ipv6:", absl::BytesToHexString(absl::string_view(
                                   reinterpret_cast<const char*>(bytes.s6_addr),
                                   kNetworkBytes)));
}

}  // namespace keyturn::rpc
