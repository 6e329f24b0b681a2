#include "tests/sandbox/seed.h"

#include <array>
#include <cstdio>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tests/sandbox/certificates.h"
#include "tests/sandbox/seed_netsuite.h"

namespace keyturn::sandbox {
namespace {

constexpr int kConnectionsMax = 10000;
// Jira – NetSuite on US production.
constexpr char kJiraConnector[] = "56cc2a64a42f08124832753a";
constexpr char kIClientName[] = "SmartConnector (HT) NetSuite iClient";
constexpr int64_t kSchedulePeriodMs = 4000;

struct AccountSeed {
  std::string id;
  // As specs and the daemon's configuration call it.
  std::string name;
  AccessKeys access;
  std::string private_key_pem;
};

struct TileSeed {
  std::string integration;
  std::string connection;
  std::string user;
  std::string password;
  std::string suffix;
  std::vector<std::string> flows;
};

// Fills one world; lives only while it does.
class Seeder {
 public:
  Seeder(const SeedOptions& options, World& world)
      : options_(options), world_(world), state_(world.celigo().state()) {}

  absl::StatusOr<Seeded> Run();

 private:
  std::string NewId() { return world_.random().Hex(24); }
  std::string Instant(absl::Duration ago) {
    return FormatInstant(world_.Now() - ago);
  }
  absl::Status AddAccounts();
  void AddCeligoAccount();
  TileSeed AddTile(int index, const AccountSeed& account);
  Json NetsuiteConnection(const TileSeed& tile, const AccountSeed& account);
  Json JiraConnection(const TileSeed& tile);
  void AddFlows(TileSeed& tile, const std::string& jira);
  std::string AddStep(bool is_export, const TileSeed& tile,
                      const std::string& name, const std::string& connection);
  void AddFiles(const std::vector<TileSeed>& tiles);
  std::string Spec(const TileSeed& tile, const AccountSeed& account,
                   bool old_login);

  const SeedOptions& options_;
  World& world_;
  CeligoState& state_;
  VendorKeys vendor_;
  std::vector<AccountSeed> accounts_;
  std::string celigo_token_;
  std::string iclient_;
  Seeded seeded_;
};

// "" for the only one, "0007" among many.
std::string SuffixOf(int index, int count) {
  if (count == 1) return "";
  char text[16];
  std::snprintf(text, sizeof(text), "%04d", index + 1);
  return text;
}

absl::Status Seeder::AddAccounts() {
  for (int i = 0; i < options_.accounts; ++i) {
    AccountSeed account;
    account.id = std::to_string(7654321 + i);
    const std::string suffix = SuffixOf(i, options_.accounts);
    account.name = suffix.empty() ? "acme-ns" : "acme-ns-" + suffix;
    absl::StatusOr<KeyAndCertificate> pair =
        MakeAuthority("Keyturn access to " + account.id);
    if (!pair.ok()) return pair.status();
    account.private_key_pem = pair->private_key_pem;
    AddNetsuiteAccount(world_, account.id, vendor_, pair->certificate_pem,
                       options_.netsuite_access, account.access);
    accounts_.push_back(std::move(account));
  }
  return absl::OkStatus();
}

void Seeder::AddCeligoAccount() {
  state_.user_id = NewId();
  state_.user_email = "owner@example.com";
  celigo_token_ = world_.random().Hex(32);
  state_.tokens[celigo_token_] = {"Keyturn", state_.user_id, "*"};
  const auto add = [&](const char* name, const std::string& key,
                       const std::string& secret, const char* connector) {
    Json iclient = {
        {"_id", NewId()},
        {"name", name},
        {"provider", "netsuite"},
        {"lastModified", Instant(absl::Hours(24 * 200))},
        {"netsuite", {{"consumerKey", key}, {"consumerSecret", secret}}}};
    if (connector != nullptr) iclient["_connectorId"] = connector;
    return Text(state_.iclients.Add(std::move(iclient)), "_id");
  };
  iclient_ = add(kIClientName, vendor_.high_tech_key, vendor_.high_tech_secret,
                 kJiraConnector);
  state_.connector_iclients[kJiraConnector] = {iclient_};
  state_.own_iclient =
      add("integrator.io", vendor_.own_key, vendor_.own_secret, "celigo");
  add("Our own NetSuite iClient", world_.random().Hex(64),
      world_.random().Hex(64), nullptr);
}

Json Seeder::NetsuiteConnection(const TileSeed& tile,
                                const AccountSeed& account) {
  const std::string host = HostForm(account.id);
  return {
      {"_id", tile.connection},
      {"createdAt", Instant(absl::Hours(24 * 900))},
      {"lastModified", Instant(absl::Hours(24 * 90))},
      {"type", "netsuite"},
      {"name",
       "NetSuite Connection" + (tile.suffix.empty() ? "" : " " + tile.suffix)},
      {"offline", false},
      {"sandbox", false},
      {"debugDate", "1970-01-01T00:00:00.000Z"},
      {"_integrationId", tile.integration},
      {"_connectorId", kJiraConnector},
      {"autoRecoverRateLimitErrors", true},
      {"targetConcurrencyLevel", 10},
      {"microServices",
       {{"disableNetSuiteWebServices", false}, {"disableRdbms", true}}},
      {"netsuite",
       {{"account", account.id},
        {"environment", "production"},
        {"roleId", "1007"},
        {"roleName", kJiraRole},
        {"email", tile.user},
        {"password", tile.password},
        {"requestLevelCredentials", false},
        {"dataCenterURLs",
         {{"restDomain", "https://" + host + ".restlets.api.netsuite.com"},
          {"webservicesDomain",
           "https://" + host + ".suitetalk.api.netsuite.com"},
          {"systemDomain", "https://" + host + ".app.netsuite.com"}}},
        {"accountName", "Example Trading " + account.id},
        {"concurrencyLevelRESTlet", 1},
        {"concurrencyLevelWebServices", 1},
        {"wsdlVersion", "next"},
        {"concurrencyLevel", 3},
        {"suiteAppInstalled", false},
        {"useSsoLogin", false},
        {"authType", "basic"},
        {"notInAnyDocument", {{"ratio", 0.25}, {"größe", nullptr}}}}},
      {"settings", {{"team", "Finance – EMEA"}, {"since", 9007199254740993}}},
      {"newerThanTheFacts",
       Json::array({1, "two", {{"three", Json::array({true, nullptr})}}})}};
}

Json Seeder::JiraConnection(const TileSeed& tile) {
  return {{"_id", NewId()},
          {"createdAt", Instant(absl::Hours(24 * 900))},
          {"lastModified", Instant(absl::Hours(24 * 90))},
          {"type", "http"},
          {"name",
           "Jira Connection" + (tile.suffix.empty() ? "" : " " + tile.suffix)},
          {"assistant", "jira"},
          {"offline", false},
          {"sandbox", false},
          {"_integrationId", tile.integration},
          {"_connectorId", kJiraConnector},
          {"http",
           {{"baseURI", "https://example.atlassian.net"},
            {"auth",
             {{"type", "token"},
              {"token", {{"token", world_.random().Hex(40)}}}}}}}};
}

std::string Seeder::AddStep(bool is_export, const TileSeed& tile,
                            const std::string& name,
                            const std::string& connection) {
  Documents& documents = is_export ? state_.exports : state_.imports;
  return Text(documents.Add({{"_id", NewId()},
                             {"name", name},
                             {"_connectionId", connection},
                             {"_integrationId", tile.integration},
                             {"_connectorId", kJiraConnector},
                             {"lastModified", Instant(absl::Hours(24 * 90))}}),
              "_id");
}

void Seeder::AddFlows(TileSeed& tile, const std::string& jira) {
  struct FlowSeed {
    const char* name;
    bool from_netsuite;
    bool disabled;
    const char* schedule;
    bool branched;
  };
  constexpr std::array<FlowSeed, 5> kFlows = {{
      {"NetSuite projects to Jira projects", true, false, "? */15 * * * *",
       false},
      {"NetSuite project tasks to Jira issues", true, false, "", false},
      {"Jira worklogs to NetSuite time entries", false, false, "", false},
      {"Jira issues to NetSuite cases", false, true, "? 0 * * * *", false},
      {"Jira users to NetSuite employees", false, false, "", true},
  }};
  for (const FlowSeed& seed : kFlows) {
    const std::string source = AddStep(
        true, tile, seed.name, seed.from_netsuite ? tile.connection : jira);
    const std::string target = AddStep(
        false, tile, seed.name, seed.from_netsuite ? jira : tile.connection);
    const Json processors =
        Json::array({{{"type", "import"}, {"_importId", target}}});
    Json flow = {
        {"_id", NewId()},
        {"createdAt", Instant(absl::Hours(24 * 900))},
        {"lastModified", Instant(absl::Hours(24 * 30))},
        {"name", seed.name},
        {"disabled", seed.disabled},
        {"timezone", "Europe/Berlin"},
        {"_integrationId", tile.integration},
        {"_connectorId", kJiraConnector},
        {"skipRetries", false},
        {"pageGenerators",
         Json::array({{{"_exportId", source}, {"skipRetries", false}}})}};
    if (*seed.schedule != '\0') flow["schedule"] = seed.schedule;
    if (seed.branched) {
      flow["routers"] = Json::array(
          {{{"id", "router1"},
            {"branches", Json::array({{{"name", "all"},
                                       {"pageProcessors", processors}}})}}});
    } else {
      flow["pageProcessors"] = processors;
    }
    tile.flows.push_back(Text(state_.flows.Add(std::move(flow)), "_id"));
  }
  (*state_.flows.Find(tile.flows[0]))["_runNextFlowIds"] =
      Json::array({tile.flows[1]});
}

TileSeed Seeder::AddTile(int index, const AccountSeed& account) {
  TileSeed tile;
  tile.suffix = SuffixOf(index, options_.connections);
  tile.integration = NewId();
  tile.connection = NewId();
  tile.user = tile.suffix.empty() ? "jira.integration@example.com"
                                  : absl::StrCat("jira.integration.",
                                                 tile.suffix, "@example.com");
  tile.password = "old-Pa55word-" + world_.random().Hex(16);
  AddIntegrationUser(*world_.netsuite().FindAccount(account.id), tile.user,
                     tile.password);
  const Json& jira = state_.connections.Add(JiraConnection(tile));
  const std::string jira_id = Text(jira, "_id");
  state_.connections.Add(NetsuiteConnection(tile, account));
  AddFlows(tile, jira_id);
  state_.integrations.Add(
      {{"_id", tile.integration},
       {"createdAt", Instant(absl::Hours(24 * 900))},
       {"lastModified", Instant(absl::Hours(24 * 30))},
       {"name",
        "Jira - NetSuite" + (tile.suffix.empty() ? "" : " " + tile.suffix)},
       {"_connectorId", kJiraConnector},
       {"mode", "settings"},
       {"version", "1.9.2"},
       {"tag", "production"},
       {"sandbox", false},
       {"updateInProgress", false},
       {"_registeredConnectionIds", Json::array()},
       {"install",
        Json::array({{{"name", "NetSuite Connection"},
                      {"completed", true},
                      {"_connectionId", tile.connection}},
                     {{"name", "Jira Connection"},
                      {"completed", true},
                      {"_connectionId", jira_id}},
                     {{"name", "Install bundle"},
                      {"completed", true},
                      {"installerFunction", "verifyBundleInstall"}}})},
       {"settings",
        {{"commonresources",
          {{"netsuiteConnectionId", tile.connection},
           {"jiraConnectionId", jira_id}}},
         {"supportsMultiStore", false},
         {"sections",
          Json::array({{{"title", "General"}, {"flows", Json::array()}}})}}}});
  return tile;
}

std::string Seeder::Spec(const TileSeed& tile, const AccountSeed& account,
                         bool old_login) {
  std::string spec = absl::StrCat(
      "recipe: jira\n",
      "celigo:   {account: acme, connection: ", tile.connection, "}\n",
      "netsuite: {account: ", account.name, ", user: ", tile.user, "}\n",
      "role:     {name: CeligoJiraTBA", tile.suffix,
      ", addPermissions: [ADMI_LOGIN_OAUTH]}\n");
  if (old_login) absl::StrAppend(&spec, "oldLogin: acme-old-login\n");
  absl::StrAppend(&spec, "flows:    {test: all, run: [", tile.flows[2], "]}\n",
                  "approvals: 0\n");
  return spec;
}

void Seeder::AddFiles(const std::vector<TileSeed>& tiles) {
  const auto add = [&](std::string path, std::string content) {
    seeded_.files.push_back({std::move(path), std::move(content)});
  };
  add("celigo-token.json", Dump({{"token", celigo_token_}}));
  Json accounts = Json::array();
  for (size_t i = 0; i < accounts_.size(); ++i) {
    const AccountSeed& account = accounts_[i];
    const std::string prefix =
        accounts_.size() == 1 ? "" : "netsuite/" + account.name + "-";
    const std::string tba = prefix + "netsuite-tba.json";
    const std::string m2m = prefix + "netsuite-m2m.json";
    add(tba, Dump({{"consumerKey", account.access.consumer_key},
                   {"consumerSecret", account.access.consumer_secret},
                   {"tokenId", account.access.token_id},
                   {"tokenSecret", account.access.token_secret}}));
    add(m2m, Dump({{"clientId", account.access.consumer_key},
                   {"certificateId", account.access.certificate_id},
                   {"privateKeyPem", account.private_key_pem}}));
    accounts.push_back({{"name", account.name},
                        {"account_id", account.id},
                        {"tba_file", tba},
                        {"m2m_file", m2m}});
  }
  Json connections = Json::array();
  for (size_t i = 0; i < tiles.size(); ++i) {
    const TileSeed& tile = tiles[i];
    const AccountSeed& account = accounts_[i % accounts_.size()];
    const bool only = tiles.size() == 1;
    const std::string spec =
        only ? "spec.yaml" : absl::StrCat("specs/", tile.suffix, ".yaml");
    const std::string login =
        only ? "old-login.json" : absl::StrCat("logins/", tile.suffix, ".json");
    add(spec, Spec(tile, account, /*old_login=*/false));
    add(login, Dump({{"email", tile.user}, {"password", tile.password}}));
    if (only) {
      add("spec-with-old-login.yaml", Spec(tile, account, /*old_login=*/true));
    }
    connections.push_back({{"connection", tile.connection},
                           {"tile", tile.integration},
                           {"netsuite_account", account.id},
                           {"netsuite_name", account.name},
                           {"user", tile.user},
                           {"role", "CeligoJiraTBA" + tile.suffix},
                           {"flows", tile.flows},
                           {"spec", spec},
                           {"old_login_file", login}});
  }
  const Json& first = connections.front();
  Json netsuite = accounts.front();
  seeded_.info = {{"celigo_token", celigo_token_},
                  {"celigo_token_file", "celigo-token.json"},
                  {"celigo", {{"name", "acme"}}},
                  {"netsuite", std::move(netsuite)},
                  {"tile", first["tile"]},
                  {"connection", first["connection"]},
                  {"user", first["user"]},
                  {"role", first["role"]},
                  {"flows", first["flows"]},
                  {"spec", first["spec"]},
                  {"old_login_file", first["old_login_file"]},
                  {"iclient", iclient_},
                  {"application", kHighTechApplication},
                  {"netsuite_accounts", std::move(accounts)},
                  {"connections", connections}};
}

absl::StatusOr<Seeded> Seeder::Run() {
  vendor_ = MakeVendorKeys(world_.random());
  if (absl::Status status = AddAccounts(); !status.ok()) return status;
  AddCeligoAccount();
  std::vector<TileSeed> tiles;
  for (int i = 0; i < options_.connections; ++i) {
    tiles.push_back(AddTile(i, accounts_[i % accounts_.size()]));
    // Work is under way when the migration begins.
    if (i % 10 == 0) {
      for (int run = 0; run < 2; ++run) {
        world_.celigo().StartJob(*state_.flows.Find(tiles.back().flows[2]),
                                 "user", world_.Now());
      }
    }
  }
  if (options_.schedules) {
    const absl::Status status = world_.switches().Set(
        "schedule_period_ms", std::to_string(kSchedulePeriodMs));
    if (!status.ok()) return status;
  }
  AddFiles(tiles);
  return std::move(seeded_);
}

}  // namespace

absl::StatusOr<Seeded> SeedWorld(const SeedOptions& options, World* world) {
  if (options.connections < 1 || options.connections > kConnectionsMax ||
      options.accounts < 1 || options.accounts > options.connections) {
    return absl::InvalidArgumentError(
        absl::StrCat("connections must be 1 to ", kConnectionsMax,
                     ", accounts 1 to the number of connections"));
  }
  return world->Seed(
      [&](World& unlocked) { return Seeder(options, unlocked).Run(); });
}

}  // namespace keyturn::sandbox
