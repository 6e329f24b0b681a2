#include "tests/sandbox/faults.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"

namespace keyturn::sandbox {
namespace {

constexpr size_t kFaultsMax = 1000;

constexpr std::array<std::pair<std::string_view, FaultKind>, 9> kKinds = {{
    {"status", FaultKind::kStatus},
    {"status_after", FaultKind::kStatusAfter},
    {"delay", FaultKind::kDelay},
    {"reset_before", FaultKind::kResetBefore},
    {"reset_after", FaultKind::kResetAfter},
    {"cut_body", FaultKind::kCutBody},
    {"rubbish", FaultKind::kRubbish},
    {"rate_limit", FaultKind::kRateLimit},
    {"echo", FaultKind::kEcho},
}};

std::optional<FaultKind> KindOf(std::string_view name) {
  for (const auto& [known, kind] : kKinds) {
    if (known == name) return kind;
  }
  return std::nullopt;
}

std::string_view NameOf(FaultKind kind) {
  for (const auto& [name, known] : kKinds) {
    if (known == kind) return name;
  }
  return "";
}

}  // namespace

absl::StatusOr<int64_t> Faults::Add(const Json& body) {
  const std::string kind_name = Text(body, "kind");
  const std::optional<FaultKind> kind = KindOf(kind_name);
  if (!kind.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "kind must be status, status_after, delay, reset_before, reset_after, "
        "cut_body, rubbish, rate_limit or echo, not \"",
        kind_name, "\""));
  }
  Fault fault;
  fault.kind = *kind;
  fault.path = Lower(Text(body, "path"));
  if (fault.path.empty()) {
    return absl::InvalidArgumentError(
        "path is missing, e.g. /v1/connections/*");
  }
  if (faults_.size() >= kFaultsMax) {
    return absl::InvalidArgumentError(
        "too many faults; DELETE /control/faults");
  }
  fault.id = next_id_++;
  fault.method = Upper(Text(body, "method"));
  fault.status = static_cast<int>(Number(body, "status", 503));
  fault.delay = absl::Milliseconds(Number(body, "delay_ms"));
  fault.retry_after_seconds =
      static_cast<int>(Number(body, "retry_after_s", 1));
  fault.skip = static_cast<int>(Number(body, "skip"));
  fault.count = static_cast<int>(Number(body, "count", 1));
  const Json& probability = Member(body, "probability");
  if (probability.is_number()) fault.probability = probability.get<double>();
  faults_.push_back(fault);
  return fault.id;
}

std::optional<Fault> Faults::Take(const std::string& method,
                                  const std::string& path, Random& random) {
  const std::string lower = Lower(path);
  for (Fault& fault : faults_) {
    if (fault.count <= 0) continue;
    if (!fault.method.empty() && fault.method != method) continue;
    if (!MatchesGlob(fault.path, lower)) continue;
    if (fault.probability < 1.0 && random.Fraction() >= fault.probability) {
      continue;
    }
    if (fault.skip > 0) {
      --fault.skip;
      continue;
    }
    --fault.count;
    ++fault.hits;
    return fault;
  }
  return std::nullopt;
}

int64_t Faults::Remove(int64_t id) {
  const size_t before = faults_.size();
  std::erase_if(faults_,
                [&](const Fault& fault) { return id == 0 || fault.id == id; });
  return static_cast<int64_t>(before - faults_.size());
}

Json Faults::ToJson() const {
  Json all = Json::array();
  for (const Fault& fault : faults_) {
    all.push_back({{"id", fault.id},
                   {"kind", NameOf(fault.kind)},
                   {"method", fault.method},
                   {"path", fault.path},
                   {"skip", fault.skip},
                   {"remaining", fault.count},
                   {"hits", fault.hits}});
  }
  return all;
}

}  // namespace keyturn::sandbox
