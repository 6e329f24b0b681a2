#include "cli/output/resource_page.h"

#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/names.h"
#include "cli/output/paragraphs.h"
#include "cli/output/table.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

constexpr absl::Duration kExpiryWarning = absl::Hours(24 * 30);

// The version in force, or the newest when there is none.
const v1::Credential::Version* VersionInForce(
    const v1::Credential& credential) {
  const v1::Credential::Version* newest = nullptr;
  for (const v1::Credential::Version& version : credential.versions()) {
    if (version.label() == v1::Credential::Version::CURRENT) return &version;
    newest = &version;
  }
  return newest;
}

std::string AccountKind(const v1::Account& account) {
  return account.has_netsuite() ? "netsuite" : "celigo";
}

std::string AccountAddress(const v1::Account& account) {
  if (account.has_netsuite()) {
    const v1::NetSuiteAccount& netsuite = account.netsuite();
    return netsuite.base_url().empty()
               ? netsuite.account_id()
               : absl::StrCat(netsuite.account_id(), " at ",
                              netsuite.base_url());
  }
  const v1::CeligoAccount& celigo = account.celigo();
  if (!celigo.base_url().empty()) return celigo.base_url();
  const v1::CeligoAccount::Region region =
      celigo.region() == v1::CeligoAccount::REGION_UNSPECIFIED
          ? v1::CeligoAccount::US
          : celigo.region();
  return absl::StrCat(
      "region ", absl::AsciiStrToLower(v1::CeligoAccount::Region_Name(region)));
}

// "all" when nobody is named.
std::string ShortIds(
    const google::protobuf::RepeatedPtrField<std::string>& names) {
  if (names.empty()) return "all";
  return absl::StrJoin(names, ",", [](std::string* text, const auto& name) {
    absl::StrAppend(text, ShortId(name));
  });
}

Cell Sealing(const v1::VaultStatus& vault) {
  return vault.sealed() ? Cell("sealed: keyturn admin unseal", Color::kYellow)
                        : Cell("open", Color::kPlain);
}

Cell Expiry(const google::protobuf::Timestamp& time, absl::Time now) {
  if (time.seconds() == 0) return Cell("");
  const absl::Duration left = ToTime(time) - now;
  return Cell(absl::StrCat(FormatInstant(time),
                           left < absl::ZeroDuration()
                               ? ", EXPIRED"
                               : absl::StrCat(", in ", FormatSpan(left))),
              left < kExpiryWarning ? Color::kYellow : Color::kPlain);
}

}  // namespace

std::string CredentialTable(const std::vector<v1::Credential>& credentials,
                            const Style& style) {
  if (credentials.empty()) return "No credentials.\n";
  Table table(
      {"NAME", "KIND", "VERSION", "LABEL", "CREATED", "CREATOR", "MIGRATION"});
  for (const v1::Credential& credential : credentials) {
    const v1::Credential::Version* version = VersionInForce(credential);
    table.Add({ShortId(credential.name()), KindName(credential.kind()),
               version == nullptr ? "" : absl::StrCat(version->number()),
               version == nullptr
                   ? ""
                   : v1::Credential::Version::Label_Name(version->label()),
               version == nullptr ? "" : FormatInstant(version->create_time()),
               version == nullptr ? "" : version->creator(),
               ShortId(credential.migration())});
  }
  return table.ToText(style);
}

std::string CredentialPage(const v1::Credential& credential,
                           const Style& style) {
  std::string page =
      style.Paint(Color::kBold, OneLine(credential.name())) + "\n\n" +
      ToText({{"kind", KindName(credential.kind())},
              {"migration", credential.migration()},
              {"secret", Cell("stored; no call gives it out", Color::kDim)}},
             style, /*indent=*/2);
  Table table({"VERSION", "LABEL", "CREATED", "CREATOR"});
  for (const v1::Credential::Version& version : credential.versions()) {
    table.Add({absl::StrCat(version.number()),
               v1::Credential::Version::Label_Name(version.label()),
               FormatInstant(version.create_time()), version.creator()});
  }
  return page + Heading("Versions", style) + table.ToText(style, /*indent=*/2);
}

std::string AccountTable(const std::vector<v1::Account>& accounts,
                         const Style& style) {
  if (accounts.empty()) return "No accounts.\n";
  Table table({"NAME", "KIND", "CREDENTIAL", "CREATED", "ADDRESS"});
  for (const v1::Account& account : accounts) {
    table.Add({ShortId(account.name()), AccountKind(account),
               ShortId(account.credential()),
               FormatInstant(account.create_time()), AccountAddress(account)});
  }
  return table.ToText(style);
}

std::string AccountPage(const v1::Account& account, const Style& style) {
  return style.Paint(Color::kBold, OneLine(account.name())) + "\n\n" +
         ToText({{"kind", AccountKind(account)},
                 {"address", AccountAddress(account)},
                 {"credential", account.credential().empty()
                                    ? "none: people do the work by tasks"
                                    : account.credential()},
                 {"CA", account.ca_pem().empty() ? "the system's" : "its own"},
                 {"created", FormatInstant(account.create_time())}},
                style, /*indent=*/2);
}

std::string TestPage(
    bool accepted,
    const google::protobuf::RepeatedPtrField<std::string>& findings,
    const Style& style) {
  return style.Paint(accepted ? Color::kGreen : Color::kRed,
                     accepted ? "accepted" : "refused") +
         "\n" + Bulleted(findings, style);
}

std::string DiscoverPage(const v1::DiscoverResponse& response,
                         const Style& style) {
  if (response.connections().empty()) {
    return "No NetSuite connections in this account.\n";
  }
  Table table({"CONNECTION", "AUTH", "ONLINE", "NETSUITE", "RECIPE", "FLOWS",
               "MIGRATE", "NAME"});
  for (const v1::DiscoveredConnection& connection : response.connections()) {
    table.Add({connection.id(),
               connection.auth_type(),
               {connection.offline() ? "no" : "yes",
                connection.offline() ? Color::kRed : Color::kPlain},
               connection.netsuite_account(),
               connection.recipe(),
               absl::StrCat(connection.flows_size()),
               {connection.migratable() ? "possible" : "blocked",
                connection.migratable() ? Color::kGreen : Color::kYellow},
               connection.name()});
  }
  std::string page = table.ToText(style);
  for (const v1::DiscoveredConnection& connection : response.connections()) {
    if (connection.blockers().empty() && connection.needs().empty()) continue;
    page += Heading(absl::StrCat(OneLine(connection.name()), " (",
                                 OneLine(connection.id()), ")"),
                    style);
    page += ToText({{"tile", connection.tile().empty()
                                 ? ""
                                 : absl::StrCat(connection.tile_name(), " (",
                                                connection.tile(), ")")},
                    {"environment", connection.environment()}},
                   style, /*indent=*/2);
    for (const std::string& blocker : connection.blockers()) {
      page += Hanging("  blocked: ", blocker, style, Color::kYellow);
    }
    for (const std::string& need : connection.needs()) {
      page += Hanging("  needs: ", need, style);
    }
  }
  return page;
}

std::string SpecFateName(SpecFate::Kind kind) {
  switch (kind) {
    case SpecFate::kWritten:
      return "written";
    case SpecFate::kLeft:
      return "left";
    case SpecFate::kBlocked:
      return "blocked";
  }
  return "";
}

std::string SpecsPage(const std::vector<SpecFate>& fates, const Style& style) {
  if (fates.empty()) return "No NetSuite connections to write specs for.\n";
  Table table({"CONNECTION", "SPEC", "FILE", "NAME"});
  std::string details;
  std::string next;
  for (const SpecFate& fate : fates) {
    const bool written = fate.kind == SpecFate::kWritten;
    table.Add(
        {fate.connection.id(),
         {SpecFateName(fate.kind), written ? Color::kGreen : Color::kYellow},
         fate.file,
         fate.connection.name()});
    if (!fate.file.empty() && next.empty()) next = fate.file;
    const std::string first =
        absl::StrCat("  ", OneLine(fate.connection.id()), ": ");
    if (!fate.to_fill_in.empty()) {
      details += Hanging(
          first, "fill in " + absl::StrJoin(fate.to_fill_in, ", "), style);
    }
    if (fate.kind == SpecFate::kLeft) {
      details += Hanging(first, "there was such a file; it is as it was", style,
                         Color::kYellow);
    }
    for (const std::string& why : fate.why) {
      details += Hanging(first, "no spec: " + why, style, Color::kYellow);
    }
  }
  std::string page = table.ToText(style);
  if (!details.empty()) absl::StrAppend(&page, "\n", details);
  if (next.empty()) return page;
  return page + Heading("Next", style) +
         Commands({"keyturn plan -f " + next}, style);
}

std::string ServerPage(const v1::ServerInfo& server,
                       const std::string& client_version, absl::Time now,
                       const Style& style) {
  const std::map<std::string, int64_t> counts(server.migrations().begin(),
                                              server.migrations().end());
  const bool differ = server.version() != client_version;
  return ToText(
      {{"daemon", server.version()},
       {"keyturn", Cell(differ ? client_version + ", differs from the daemon's"
                               : client_version,
                        differ ? Color::kYellow : Color::kPlain)},
       {"stored format", absl::StrCat(server.schema_version())},
       {"running since", FormatInstant(server.start_time())},
       {"certificate", Expiry(server.server_certificate_expire_time(), now)},
       {"allowed hosts", absl::StrJoin(server.allowed_hosts(), ", ")},
       {"migrations", absl::StrJoin(counts, ", ", absl::PairFormatter(" "))},
       {"vault", Sealing(server.vault())}},
      style);
}

std::string IdentityTable(const v1::ListIdentitiesResponse& response,
                          absl::Time now, const Style& style) {
  if (response.identities().empty()) return "No identities.\n";
  Table table(
      {"NAME", "STATE", "ROLES", "ACCOUNTS", "EXPIRES", "LAST USE", "SERIAL"});
  for (const v1::Identity& identity : response.identities()) {
    const bool active = identity.state() == v1::Identity::ACTIVE;
    const bool invited = identity.state() == v1::Identity::INVITED;
    table.Add({ShortId(identity.name()),
               {v1::Identity::State_Name(identity.state()),
                active ? Color::kGreen : Color::kYellow},
               absl::StrJoin(identity.roles(), ","),
               ShortIds(identity.accounts()),
               invited ? Cell(FormatInstant(identity.invitation_expire_time()))
                       : Expiry(identity.certificate_expire_time(), now),
               identity.has_last_use_time()
                   ? FormatInstant(identity.last_use_time())
                   : "never",
               identity.certificate_serial()});
  }
  std::string text = table.ToText(style);
  if (response.refused_enrollments() > 0) {
    absl::StrAppend(&text, "\n", response.refused_enrollments(),
                    " enrolments were refused since the daemon started.\n");
  }
  return text;
}

std::string VaultPage(const v1::VaultStatus& vault, const Style& style) {
  const int64_t left = vault.versions_to_reseal();
  std::string page = ToText(
      {{"vault", Sealing(vault)},
       {"root key", vault.root_key()},
       {"former root key", vault.previous_root_key()},
       {"failed unseals", vault.failed_unseals() == 0
                              ? ""
                              : absl::StrCat(vault.failed_unseals())},
       {"versions", absl::StrCat(vault.versions())},
       {"to seal again",
        left == 0 ? Cell("") : Cell(absl::StrCat(left), Color::kYellow)}},
      style);
  Table table({"DATA KEY", "MADE", "SEALS", "VERSIONS", "ROOT KEY"});
  for (const v1::VaultStatus::DataKey& key : vault.data_keys()) {
    const bool former = !vault.root_key_id().empty() &&
                        key.root_key_id() != vault.root_key_id();
    table.Add(
        {key.id(), FormatInstant(key.create_time()), absl::StrCat(key.seals()),
         absl::StrCat(key.versions()),
         Cell(former ? key.root_key_id() + ", the former" : key.root_key_id(),
              former ? Color::kYellow : Color::kPlain)});
  }
  return page + table.ToText(style);
}

std::string WhoAmIPage(const v1::WhoAmIResponse& caller, absl::Time now,
                       const Style& style) {
  return ToText({{"identity", caller.identity()},
                 {"roles", absl::StrJoin(caller.roles(), ", ")},
                 {"accounts",
                  caller.accounts().empty() ? "" : ShortIds(caller.accounts())},
                 {"transport", caller.transport()},
                 {"certificate", caller.certificate_serial()},
                 {"expires", Expiry(caller.certificate_expire_time(), now)}},
                style);
}

}  // namespace keyturn::cli
