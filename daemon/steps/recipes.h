// The defaults for each class of integration app (Celigo help centre
// 360042885391, section "Create a custom role").
#ifndef KEYTURN_DAEMON_STEPS_RECIPES_H_
#define KEYTURN_DAEMON_STEPS_RECIPES_H_

#include <array>
#include <string_view>

namespace keyturn::steps {

struct Recipe {
  // What a spec calls it.
  std::string_view name;
  // The locked role of the Celigo bundle that the custom role is made from.
  std::string_view source_role;
  // The NetSuite application (integration record) that the token belongs to.
  // Empty: not published, the spec must name it.
  std::string_view application;
  // The iClient whose consumer key is that application's. Empty: as above.
  std::string_view iclient;
};

inline constexpr auto kRecipes = std::to_array<Recipe>({
    {"jira", "Celigo Jira Connector", "High Tech Connectors Token-based Auth",
     "SmartConnector (HT) NetSuite iClient"},
    {"high-tech", "Celigo integrator.io Full Access w/o 2FA",
     "High Tech Connectors Token-based Auth",
     "SmartConnector (HT) NetSuite iClient"},
    {"e-commerce", "Celigo eTail SmartConnectors",
     "eTail Connectors (Token-Based Auth)", ""},
    {"cash-application", "Celigo CashApp Manager SmartConnector", "", ""},
});

// What is added to the source role's permissions unless the spec says
// otherwise: the right to log in with a token.
inline constexpr std::string_view kLoginWithTokens = "ADMI_LOGIN_OAUTH";
// Also lets its holder log in with a token (NetSuite help
// bridgehead_4248124361).
inline constexpr std::string_view kUserAccessTokens =
    "ADMI_MANAGE_OWN_OAUTH_TOKENS";

// Makes tokens for others and does not log in with one.
inline constexpr std::string_view kManageTokens = "ADMI_MANAGE_OAUTH_TOKENS";

// Null when there is no recipe of that name.
const Recipe* FindRecipe(std::string_view name);

// The recipe of a tile's connector; null where that is not known.
const Recipe* RecipeOfConnector(std::string_view connector_id);

// The recipe that a tile's name suggests, for a person to confirm; null when it
// suggests none. Names are not unique and can be changed, so nothing is decided
// by them.
const Recipe* RecipeSuggestedBy(std::string_view tile_name);

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_RECIPES_H_
