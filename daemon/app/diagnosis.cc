#include "daemon/app/diagnosis.h"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/app/system_calls.h"
#include "daemon/secret/memory.h"

namespace keyturn::app {
namespace {

using Facts = std::map<std::string, std::string>;

std::string LimitText(rlim_t limit) {
  return limit == RLIM_INFINITY ? "unlimited" : absl::StrCat(uint64_t{limit});
}

std::string DescribePeers(const access::UnixPeers& peers) {
  return absl::StrJoin(peers, "; ", [](std::string* text, const auto& peer) {
    absl::StrAppend(text, peer.first, " ", access::ToText(peer.second));
  });
}

Facts DescribeConfig(const Config& config) {
  return {
      {"dataDir", config.data_dir},
      {"listen.tcp", config.listen_tcp},
      {"listen.unix", config.listen_unix},
      {"unix.peers", DescribePeers(config.unix_peers)},
      {"tls.ca", config.tls_ca},
      {"tls.certificate", config.tls_certificate},
      {"tls.key", config.tls_key},
      {"tls.outsideCa.file", config.outside_ca.file},
      {"tls.outsideCa.identities", config.outside_ca.grants.ToText()},
      {"outside.allowedHosts", absl::StrJoin(config.allowed_hosts, ", ")},
      {"log.level", std::string(Name(config.log_level))},
      {"limits.stopSeconds",
       absl::StrCat(absl::ToInt64Seconds(config.stop_deadline))},
      {"limits.lockedMemoryKib",
       absl::StrCat(config.locked_memory_bytes >> 10)},
  };
}

void AddMemory(Facts& facts) {
  const secret::MemoryReport memory = secret::DescribeMemory();
  facts["secrets.protection"] = std::string(Name(memory.protection));
  facts["secrets.arenaBytes"] = absl::StrCat(memory.arena_bytes);
  facts["secrets.arenaBytesUsed"] = absl::StrCat(memory.arena_bytes_used);
  facts["secrets.heapBytes"] = absl::StrCat(memory.heap_bytes);
  facts["secrets.overflows"] = absl::StrCat(memory.overflows);
}

void AddLimits(Facts& facts) {
  for (const auto& [name, resource] :
       {std::pair("limit.openFiles", RLIMIT_NOFILE),
        std::pair("limit.lockedBytes", RLIMIT_MEMLOCK),
        std::pair("limit.processes", RLIMIT_NPROC)}) {
    rlimit limit{};
    if (getrlimit(resource, &limit) == 0)
      facts[name] = LimitText(limit.rlim_cur);
  }
}

// What the kernel counts of us: "VmRSS" and the like.
void AddStatus(Facts& facts) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    const size_t colon = line.find(":\t");
    if (colon == std::string::npos) continue;
    const std::string key = line.substr(0, colon);
    if (key == "VmRSS" || key == "VmHWM" || key == "VmSwap" || key == "VmLck" ||
        key == "Threads" || key == "FDSize" || key == "Seccomp" ||
        key == "NoNewPrivs") {
      facts["status." + key] =
          line.substr(line.find_first_not_of(" \t", colon + 1));
    }
  }
}

Facts DescribeProcess() {
  Facts facts = {{"pid", absl::StrCat(getpid())},
                 {"uid", absl::StrCat(geteuid())},
                 {"seccomp", FiltersSystemCalls() ? "on" : "off"}};
  utsname system{};
  if (uname(&system) == 0) {
    facts["kernel"] =
        absl::StrCat(system.sysname, " ", system.release, " ", system.machine);
  }
  AddMemory(facts);
  AddLimits(facts);
  AddStatus(facts);
  return facts;
}

}  // namespace

rpc::Diagnosis Diagnose(const Config& config, const Log& log) {
  return {DescribeConfig(config), DescribeProcess(), log.Recent()};
}

}  // namespace keyturn::app
