#ifndef KEYTURN_CLI_IDENTITY_RENEWAL_H_
#define KEYTURN_CLI_IDENTITY_RENEWAL_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/client.h"
#include "cli/context.h"

namespace keyturn::cli {

// The program renews its own certificate at two thirds of its life, whatever
// command it runs then. Nobody has to think of it, and a daemon that is away
// for days is no trouble.

inline constexpr double kRenewalAge = 2.0 / 3.0;
// Clocks may differ: so long after its end a certificate is still tried.
inline constexpr absl::Duration kExpiryDoubt = absl::Minutes(5);
inline constexpr absl::Duration kRenewalTimeout = absl::Seconds(10);

// Unauthenticated when the context's certificate has expired: nothing but a new
// invitation helps.
absl::Status CheckNotExpired(const Context& context, absl::Time now);

bool IsRenewalDue(const Context& context, absl::Time now);

// Gets a new certificate for a new key over the present pair, tries the new
// pair out, and only then puts it into the file, which always holds a pair that
// works. Does nothing when another run of the program is at it or was faster.
//
// `connect` makes a client for a context. Errors are the daemon's and the
// system's; the present pair is then still good, so that the command goes on
// with it.
using Connector =
    std::function<absl::StatusOr<std::unique_ptr<Client>>(const Context&)>;
absl::Status Renew(const std::string& path, const std::string& context_name,
                   absl::Time now, const Connector& connect);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_IDENTITY_RENEWAL_H_
