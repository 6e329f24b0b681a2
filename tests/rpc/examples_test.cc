// proto/README.md shows every call, and nothing that is not there.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/rpc/server.h"

namespace keyturn::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::MethodDescriptor;

// The two lines of JSON below each heading "### Service.Method".
std::map<std::string, std::vector<std::string>> ReadExamples() {
  std::map<std::string, std::vector<std::string>> examples;
  std::ifstream file(KEYTURN_API_EXAMPLES);
  std::string line;
  std::string heading;
  bool in_block = false;
  while (std::getline(file, line)) {
    if (absl::StartsWith(line, "```")) {
      in_block = !in_block;
    } else if (in_block) {
      examples[heading].push_back(line);
    } else if (absl::StartsWith(line, "### ")) {
      heading = line.substr(4);
      EXPECT_FALSE(examples.contains(heading)) << heading << " stands twice";
      examples[heading];
    }
  }
  return examples;
}

void ExpectParses(const std::string& json, const Descriptor* type,
                  const std::string& heading) {
  google::protobuf::DynamicMessageFactory factory;
  const std::unique_ptr<google::protobuf::Message> message(
      factory.GetPrototype(type)->New());
  const auto status =
      google::protobuf::util::JsonStringToMessage(json, message.get());
  EXPECT_TRUE(status.ok()) << heading << ": " << status.ToString() << "\n"
                           << json;
}

TEST(ExamplesTest, ThereIsOneThatParsesForEveryCall) {
  std::map<std::string, std::vector<std::string>> examples = ReadExamples();
  for (const std::string& rpc : ServedRpcs()) {
    if (!absl::StartsWith(rpc, "keyturn.v1.")) continue;
    const std::vector<std::string> parts = absl::StrSplit(rpc, '/');
    const MethodDescriptor* const method =
        DescriptorPool::generated_pool()->FindMethodByName(
            absl::StrCat(parts[0], ".", parts[1]));
    ASSERT_NE(method, nullptr) << rpc;
    const std::string heading =
        absl::StrCat(method->service()->name(), ".", method->name());
    const auto example = examples.extract(heading);
    ASSERT_FALSE(example.empty()) << "proto/README.md lacks " << heading;
    ASSERT_EQ(example.mapped().size(), 2u)
        << heading << " needs one line for the request, one for the answer";
    ExpectParses(example.mapped()[0], method->input_type(), heading);
    ExpectParses(example.mapped()[1], method->output_type(), heading);
  }
  for (const auto& [heading, lines] : examples) {
    ADD_FAILURE() << "there is no call " << heading;
  }
}

}  // namespace
}  // namespace keyturn::rpc
