#ifndef KEYTURN_CLI_OUTPUT_CAMPAIGN_PAGE_H_
#define KEYTURN_CLI_OUTPUT_CAMPAIGN_PAGE_H_

#include <string>

#include "cli/output/style.h"
#include "keyturn/v1/campaigns.pb.h"

namespace keyturn::cli {

// Campaigns as people read them. All functions are pure.

std::string CampaignTable(const v1::ListCampaignsResponse& response,
                          const Style& style);

// How it stands as a whole, and each of its members.
std::string CampaignPage(const v1::Campaign& campaign, const Style& style);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_OUTPUT_CAMPAIGN_PAGE_H_
