#pragma once

#include <string>

#include "tests/sandbox/world.h"

namespace keyturn::sandbox {

inline constexpr char kHighTechApplication[] =
    "High Tech Connectors Token-based Auth";
inline constexpr char kETailApplication[] =
    "eTail Connectors (Token-Based Auth)";
inline constexpr char kOwnApplication[] = "integrator.io";
inline constexpr char kAccessApplication[] = "Keyturn";
inline constexpr char kJiraRole[] = "Celigo Jira Connector";
inline constexpr char kAccessRole[] = "Keyturn Access";

// The keys of the vendor's integration records, the same in every account that
// has them installed.
struct VendorKeys {
  std::string high_tech_key, high_tech_secret;
  std::string etail_key, etail_secret;
  std::string own_key, own_secret;
};
VendorKeys MakeVendorKeys(Random& random);

// The daemon's own access to an account.
struct AccessKeys {
  std::string consumer_key, consumer_secret;
  std::string token_id, token_secret;
  std::string certificate_id;
};

// A NetSuite account with the vendor's roles and records, an administrator, and
// a user with its own role and token for the daemon's access.
NetsuiteAccount& AddNetsuiteAccount(World& world, const std::string& id,
                                    const VendorKeys& vendor,
                                    const std::string& certificate_pem,
                                    bool tba, AccessKeys& access);

// An integration user with the Jira connector's role, as basic connections use.
Employee& AddIntegrationUser(NetsuiteAccount& account, const std::string& email,
                             const std::string& password);

}  // namespace keyturn::sandbox
