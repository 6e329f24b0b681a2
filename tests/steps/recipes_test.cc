#include "daemon/steps/recipes.h"

#include <gtest/gtest.h>

namespace keyturn::steps {
namespace {

TEST(RecipesTest, TheSeedsRecipeIsComplete) {
  const Recipe* jira = FindRecipe("jira");
  ASSERT_NE(jira, nullptr);
  EXPECT_EQ(jira->source_role, "Celigo Jira Connector");
  EXPECT_EQ(jira->application, "High Tech Connectors Token-based Auth");
  EXPECT_EQ(jira->iclient, "SmartConnector (HT) NetSuite iClient");
}

TEST(RecipesTest, EachClassNamesItsSourceRole) {
  for (const char* name :
       {"jira", "high-tech", "e-commerce", "cash-application"}) {
    ASSERT_NE(FindRecipe(name), nullptr) << name;
    EXPECT_FALSE(FindRecipe(name)->source_role.empty()) << name;
  }
  EXPECT_EQ(FindRecipe("Jira"), nullptr);
  EXPECT_EQ(FindRecipe(""), nullptr);
}

TEST(RecipesTest, AConnectorDecidesANameOnlySuggests) {
  EXPECT_EQ(RecipeOfConnector("56cc2a64a42f08124832753a"), FindRecipe("jira"));
  EXPECT_EQ(RecipeOfConnector("568e4843d997f2b705f44082"), FindRecipe("jira"));
  EXPECT_EQ(RecipeOfConnector(""), nullptr);
  EXPECT_EQ(RecipeSuggestedBy("Cash Application Manager"),
            FindRecipe("cash-application"));
  EXPECT_EQ(RecipeSuggestedBy("Amazon MCF - NetSuite"),
            FindRecipe("e-commerce"));
  EXPECT_EQ(RecipeSuggestedBy("salesforce"), FindRecipe("high-tech"));
  EXPECT_EQ(RecipeSuggestedBy("Our Jira"), nullptr);
  EXPECT_EQ(RecipeSuggestedBy(""), nullptr);
}

}  // namespace
}  // namespace keyturn::steps
