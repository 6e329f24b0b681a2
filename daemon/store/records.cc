#include "daemon/store/records.h"

namespace keyturn::store {

std::string_view Name(CredentialKind kind) {
  switch (kind) {
    case CredentialKind::kCeligoToken:
      return "CELIGO_TOKEN";
    case CredentialKind::kNetSuiteTba:
      return "NETSUITE_TBA";
    case CredentialKind::kNetSuiteM2m:
      return "NETSUITE_M2M";
    case CredentialKind::kNetSuiteLogin:
      return "NETSUITE_LOGIN";
    case CredentialKind::kConnectionToken:
      return "CONNECTION_TOKEN";
  }
  return "UNKNOWN";
}

std::string_view Name(VersionLabel label) {
  switch (label) {
    case VersionLabel::kPending:
      return "PENDING";
    case VersionLabel::kCurrent:
      return "CURRENT";
    case VersionLabel::kPrevious:
      return "PREVIOUS";
    case VersionLabel::kRevoked:
      return "REVOKED";
  }
  return "UNKNOWN";
}

const CredentialInfo::Version* CredentialInfo::Find(VersionLabel label) const {
  for (auto version = versions.rbegin(); version != versions.rend();
       ++version) {
    if (version->label == label) return &*version;
  }
  return nullptr;
}

std::string_view Name(AccountKind kind) {
  switch (kind) {
    case AccountKind::kCeligo:
      return "Celigo";
    case AccountKind::kNetSuite:
      return "NetSuite";
  }
  return "unknown";
}

}  // namespace keyturn::store
