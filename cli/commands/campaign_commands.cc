#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/commands/command.h"
#include "cli/commands/paging.h"
#include "cli/errors.h"
#include "cli/names.h"
#include "cli/output/campaign_page.h"
#include "cli/spec_file.h"

namespace keyturn::cli {
namespace {

// So many bytes of specs go with one request: the daemon takes 256 KiB.
constexpr size_t kSpecsBytesMax = 128 * 1024;

constexpr char kExampleId[] = "q4x2m7n5a3bcdefg";

struct Arguments {
  std::string id;
  std::string title;
  std::vector<std::string> files;
  // What is not given is the daemon's to choose.
  std::optional<int> canary;
  int wave = 0;
  int wave_percent = 0;
  int max_running = 0;
  int max_per_integrator = 0;
  int max_per_erp = 0;
  int stop_after = 0;
  bool dry_run = false;
  int member = 0;
};

void Print(Invocation& invocation, const v1::Campaign& campaign) {
  invocation.Print(campaign, [&campaign](const Style& style) {
    return CampaignPage(campaign, style);
  });
}

using Specs = std::vector<SpecFile>;

// Reads every file before anything is sent.
absl::StatusOr<Specs> ReadSpecs(Invocation& invocation,
                                const Arguments& arguments) {
  Specs specs;
  for (const std::string& path : arguments.files) {
    absl::StatusOr<SpecFile> file = SpecFile::Read(path, invocation.console());
    if (!file.ok()) return file.status();
    specs.push_back(*std::move(file));
  }
  return specs;
}

// Specs that go with one request, from the first to before the last.
struct Part {
  size_t begin = 0;
  size_t end = 0;
};

std::vector<Part> PartsOf(const Specs& specs) {
  std::vector<Part> parts;
  size_t bytes = 0;
  for (size_t i = 0; i < specs.size(); ++i) {
    const size_t size = specs[i].spec().ByteSizeLong();
    if (parts.empty() || bytes + size > kSpecsBytesMax) {
      parts.push_back({i, i});
      bytes = 0;
    }
    bytes += size;
    parts.back().end = i + 1;
  }
  return parts;
}

template <typename Request>
void Put(const Specs& specs, Part part, Request& request) {
  request.clear_specs();
  for (size_t i = part.begin; i < part.end; ++i) {
    *request.add_specs() = specs[i].spec();
  }
}

// Says of which file and line the error speaks.
absl::Status Locate(const Specs& specs, Part part, const absl::Status& status) {
  for (size_t i = part.begin; i < part.end; ++i) {
    absl::Status located =
        specs[i].Locate(status, absl::StrCat("specs[", i - part.begin, "]"));
    if (located != status) return located;
  }
  return status;
}

v1::CreateCampaignRequest RequestOf(const Arguments& arguments) {
  v1::CreateCampaignRequest request;
  v1::Campaign& campaign = *request.mutable_campaign();
  campaign.set_title(arguments.title);
  v1::Campaign::Policy& policy = *campaign.mutable_policy();
  if (arguments.canary.has_value()) policy.set_canary(*arguments.canary);
  policy.set_wave(arguments.wave);
  policy.set_wave_percent(arguments.wave_percent);
  policy.set_max_running(arguments.max_running);
  policy.set_max_running_per_integrator_account(arguments.max_per_integrator);
  policy.set_max_running_per_erp_account(arguments.max_per_erp);
  policy.set_stop_after_failures(arguments.stop_after);
  return request;
}

// Those that did not fit into the first request. `campaign` is as after the
// last of them that was accepted.
absl::Status AddRest(Client& client, const Specs& specs,
                     const std::vector<Part>& rest, const Arguments& arguments,
                     v1::Campaign& campaign) {
  v1::AddMembersRequest request;
  request.set_name(campaign.name());
  for (const Part part : rest) {
    Put(specs, part, request);
    absl::StatusOr<v1::Campaign> added =
        client.Call(&v1::Campaigns::Stub::AddMembers, request);
    if (!added.ok()) {
      return WithNext(
          WhileDoing(Locate(specs, part, added.status()),
                     absl::StrCat(campaign.name(), " has the first ",
                                  part.begin, " of ", specs.size(),
                                  " specs; cannot add the others")),
          absl::StrCat("keyturn campaign add ", ShortId(campaign.name()),
                       " with the files from ", arguments.files[part.begin],
                       " on"));
    }
    campaign = *std::move(added);
  }
  return absl::OkStatus();
}

// Stores nothing. The answer has the members of all parts.
absl::StatusOr<v1::Campaign> CheckAll(Client& client, const Specs& specs,
                                      const std::vector<Part>& parts,
                                      v1::CreateCampaignRequest request) {
  request.set_validate_only(true);
  v1::Campaign all;
  for (const Part part : parts) {
    Put(specs, part, request);
    absl::StatusOr<v1::Campaign> checked =
        client.Call(&v1::Campaigns::Stub::CreateCampaign, request);
    if (!checked.ok()) return Locate(specs, part, checked.status());
    if (part.begin == 0) {
      all = *std::move(checked);
      continue;
    }
    for (v1::Campaign::Member& member : *checked->mutable_members()) {
      member.set_number(member.number() + static_cast<int>(part.begin));
      *all.add_members() = std::move(member);
    }
  }
  return all;
}

Outcome Create(Invocation& invocation, const Arguments& arguments) {
  constexpr char kDoing[] = "cannot create the campaign";
  const absl::StatusOr<Specs> specs = ReadSpecs(invocation, arguments);
  if (!specs.ok()) return specs.status();
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::CreateCampaignRequest request = RequestOf(arguments);
  std::vector<Part> parts = PartsOf(*specs);
  // What goes in several requests is looked at as a whole before the first: bad
  // input changes nothing.
  if (arguments.dry_run || parts.size() > 1) {
    const absl::StatusOr<v1::Campaign> checked =
        CheckAll(**client, *specs, parts, request);
    if (!checked.ok()) return WhileDoing(checked.status(), kDoing);
    if (arguments.dry_run) {
      Print(invocation, *checked);
      return ExitCode::kDone;
    }
  }
  Put(*specs, parts.front(), request);
  absl::StatusOr<v1::Campaign> campaign =
      (*client)->Call(&v1::Campaigns::Stub::CreateCampaign, request);
  if (!campaign.ok()) {
    return WhileDoing(Locate(*specs, parts.front(), campaign.status()), kDoing);
  }
  parts.erase(parts.begin());
  absl::Status added = AddRest(**client, *specs, parts, arguments, *campaign);
  if (!added.ok()) return added;
  Print(invocation, *campaign);
  return ExitCode::kDone;
}

Outcome List(Invocation& invocation) {
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  const v1::ListCampaignsRequest request;
  const absl::StatusOr<v1::ListCampaignsResponse> response =
      ListAll(**client, &v1::Campaigns::Stub::ListCampaigns, request);
  if (!response.ok()) {
    return WhileDoing(response.status(), "cannot list the campaigns");
  }
  invocation.Print(*response, [&response](const Style& style) {
    return CampaignTable(*response, style);
  });
  return ExitCode::kDone;
}

// Sends a request that names one campaign.
template <typename Request>
Outcome Send(Invocation& invocation, const Arguments& arguments,
             const std::string& verb, Request request,
             grpc::Status (v1::Campaigns::Stub::*method)(grpc::ClientContext*,
                                                         const Request&,
                                                         v1::Campaign*)) {
  const absl::StatusOr<std::string> name =
      ResourceName("campaigns", arguments.id);
  if (!name.ok()) return name.status();
  request.set_name(*name);
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Campaign> campaign =
      (*client)->Call(method, request);
  if (!campaign.ok()) {
    return WhileDoing(campaign.status(),
                      absl::StrCat("cannot ", verb, " ", *name), *name);
  }
  Print(invocation, *campaign);
  return ExitCode::kDone;
}

Outcome Add(Invocation& invocation, const Arguments& arguments) {
  const absl::StatusOr<std::string> name =
      ResourceName("campaigns", arguments.id);
  if (!name.ok()) return name.status();
  const absl::StatusOr<Specs> specs = ReadSpecs(invocation, arguments);
  if (!specs.ok()) return specs.status();
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::Campaign campaign;
  campaign.set_name(*name);
  absl::Status added =
      AddRest(**client, *specs, PartsOf(*specs), arguments, campaign);
  if (!added.ok()) return added;
  Print(invocation, campaign);
  return ExitCode::kDone;
}

Outcome Remove(Invocation& invocation, const Arguments& arguments) {
  v1::RemoveMemberRequest request;
  request.set_member(arguments.member);
  return Send(invocation, arguments, "take a member out of", request,
              &v1::Campaigns::Stub::RemoveMember);
}

void AddFiles(CLI::App& command, Arguments& arguments) {
  command
      .add_option("-f,--file", arguments.files,
                  "Spec files, one for each connection")
      ->type_name(kFileType)
      ->required();
}

// A command that needs nothing but the campaign.
template <typename Request>
void AddMove(CLI::App& noun, Invocation& invocation,
             const std::shared_ptr<Arguments>& arguments,
             const std::string& verb, const std::string& description,
             grpc::Status (v1::Campaigns::Stub::*method)(grpc::ClientContext*,
                                                         const Request&,
                                                         v1::Campaign*)) {
  CLI::App& command =
      AddCommand(noun, invocation, verb, description,
                 {absl::StrCat("keyturn campaign ", verb, " ", kExampleId)},
                 [&invocation, arguments, verb, method] {
                   return Send(invocation, *arguments, verb, Request(), method);
                 });
  AddPositional(command, "ID", arguments->id, "The campaign", kCampaignType);
}

void AddCreate(CLI::App& noun, Invocation& invocation,
               const std::shared_ptr<Arguments>& arguments) {
  CLI::App& create = AddCommand(
      noun, invocation, "create",
      "Migrates many connections in waves; it begins at once",
      {"keyturn campaign create -f specs/*.yaml --canary 1 --wave 5",
       "keyturn campaign create -f specs/*.yaml --wave-percent 10 "
       "--max-running 20 --max-per-erp-account 2 --stop-after 3"},
      [&invocation, arguments] { return Create(invocation, *arguments); });
  AddFiles(create, *arguments);
  create.add_option("--title", arguments->title, "What people call it")
      ->type_name("TEXT");
  const auto number = [&create](const std::string& name, auto& value,
                                const std::string& description) {
    create.add_option(name, value, description)->type_name("N");
  };
  number("--canary", arguments->canary,
         "So many must succeed before any other begins (1)");
  number("--wave", arguments->wave, "Members of each later wave (the rest)");
  number("--wave-percent", arguments->wave_percent,
         "The same as a share of all members");
  number("--max-running", arguments->max_running,
         "At most so many at once (10)");
  number("--max-per-integrator-account", arguments->max_per_integrator,
         "The same in one Celigo account");
  number("--max-per-erp-account", arguments->max_per_erp,
         "The same in one NetSuite account");
  number("--stop-after", arguments->stop_after,
         "Stops with so many failures (1)");
  create.add_flag("--dry-run", arguments->dry_run,
                  "Only checks what was given; stores nothing");
}

}  // namespace

void AddCampaignCommands(CLI::App& top, Invocation& invocation) {
  const auto arguments = std::make_shared<Arguments>();
  using Stub = v1::Campaigns::Stub;
  CLI::App& noun = AddNoun(top, "campaign", "Many migrations, wave by wave");
  AddCreate(noun, invocation, arguments);
  AddCommand(noun, invocation, "list", "Lists the campaigns, newest first",
             {"keyturn campaign list"},
             [&invocation] { return List(invocation); });
  AddMove(noun, invocation, arguments, "show",
          "Shows how a campaign and its members stand", &Stub::GetCampaign);
  AddMove(noun, invocation, arguments, "pause",
          "Begins no more; what runs is left to run", &Stub::PauseCampaign);
  AddMove(noun, invocation, arguments, "resume",
          "Lets a paused or stopped one go on, with the failures there are",
          &Stub::ResumeCampaign);
  AddMove(noun, invocation, arguments, "cancel",
          "Ends it for good; what runs is left to run", &Stub::CancelCampaign);
  CLI::App& add = AddCommand(
      noun, invocation, "add", "Adds connections, after those there are",
      {absl::StrCat("keyturn campaign add ", kExampleId, " -f more.yaml")},
      [&invocation, arguments] { return Add(invocation, *arguments); });
  AddPositional(add, "ID", arguments->id, "The campaign", kCampaignType);
  AddFiles(add, *arguments);
  CLI::App& remove = AddCommand(
      noun, invocation, "remove",
      "Takes a member out that is not at work and has not succeeded",
      {absl::StrCat("keyturn campaign remove ", kExampleId, " 7")},
      [&invocation, arguments] { return Remove(invocation, *arguments); });
  AddPositional(remove, "ID", arguments->id, "The campaign", kCampaignType);
  remove.add_option("MEMBER", arguments->member, "The member's number")
      ->type_name("N")
      ->required();
}

}  // namespace keyturn::cli
