#include "tests/sandbox/celigo_state.h"

#include <algorithm>
#include <array>
#include <utility>

namespace keyturn::sandbox {
namespace {

constexpr std::array<std::string_view, 6> kSecretFields = {
    "tokenId",     "tokenSecret",    "password",
    "consumerKey", "consumerSecret", "token"};

void MaskIn(Json& value) {
  if (value.is_array()) {
    for (Json& entry : value) MaskIn(entry);
  }
  if (!value.is_object()) return;
  for (auto& [key, member] : value.items()) {
    if (member.is_string() && IsSecretField(key)) {
      member = kMask;
    } else {
      MaskIn(member);
    }
  }
}

}  // namespace

Json& Documents::Add(Json document) {
  const std::string id = Text(document, "_id");
  const std::string integration = Text(document, "_integrationId");
  ids_.push_back(id);
  if (!integration.empty()) by_integration_[integration].push_back(id);
  return by_id_[id] = std::move(document);
}

Json* Documents::Find(const std::string& id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &found->second;
}

const Json* Documents::Find(const std::string& id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &found->second;
}

const std::vector<std::string>& Documents::OfIntegration(
    const std::string& integration) const {
  static const auto* const none = new std::vector<std::string>();
  const auto found = by_integration_.find(integration);
  return found == by_integration_.end() ? *none : found->second;
}

bool IsSecretField(std::string_view key) {
  return std::find(kSecretFields.begin(), kSecretFields.end(), key) !=
         kSecretFields.end();
}

Json Masked(const Json& document) {
  Json copy = document;
  MaskIn(copy);
  return copy;
}

bool HasMask(const Json& document) {
  if (document.is_string()) {
    const std::string& text = document.get_ref<const std::string&>();
    return !text.empty() && text.find_first_not_of('*') == std::string::npos;
  }
  if (!document.is_structured()) return false;
  return std::any_of(document.begin(), document.end(), HasMask);
}

}  // namespace keyturn::sandbox
