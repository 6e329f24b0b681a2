#include "daemon/steps/recipes.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "daemon/base/status.h"

namespace keyturn::steps {
namespace {

struct Connector {
  std::string_view id;
  std::string_view recipe;
};

// The Jira – NetSuite connector of Celigo's production and staging stacks in
// the United States; none is published for other regions or apps.
constexpr auto kConnectors = std::to_array<Connector>({
    {"56cc2a64a42f08124832753a", "jira"},
    {"568e4843d997f2b705f44082", "jira"},
});

struct App {
  std::string_view name;
  std::string_view recipe;
};

// Celigo help centre 360042885391 names these apps; longer names first.
constexpr auto kApps = std::to_array<App>({
    {"cash application", "cash-application"},
    {"amazon", "e-commerce"},
    {"bigcommerce", "e-commerce"},
    {"ebay", "e-commerce"},
    {"magento", "e-commerce"},
    {"shipwire", "e-commerce"},
    {"shopify", "e-commerce"},
    {"square", "e-commerce"},
    {"walmart", "e-commerce"},
    {"jira", "jira"},
    {"adp", "high-tech"},
    {"salesforce", "high-tech"},
    {"svb", "high-tech"},
    {"vpm", "high-tech"},
    {"zendesk", "high-tech"},
});

}  // namespace

const Recipe* FindRecipe(std::string_view name) {
  const auto recipe = std::find_if(
      kRecipes.begin(), kRecipes.end(),
      [name](const Recipe& candidate) { return candidate.name == name; });
  return recipe == kRecipes.end() ? nullptr : &*recipe;
}

const Recipe* RecipeOfConnector(std::string_view connector_id) {
  for (const Connector& connector : kConnectors) {
    if (connector.id == connector_id) return FindRecipe(connector.recipe);
  }
  return nullptr;
}

const Recipe* RecipeSuggestedBy(std::string_view tile_name) {
  const std::string name = absl::AsciiStrToLower(base::ToAbsl(tile_name));
  for (const App& app : kApps) {
    if (absl::StartsWith(name, base::ToAbsl(app.name))) {
      return FindRecipe(app.recipe);
    }
  }
  return nullptr;
}

}  // namespace keyturn::steps
