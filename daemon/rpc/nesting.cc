#include "daemon/rpc/nesting.h"

#include <google/protobuf/unknown_field_set.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "daemon/base/status.h"

namespace keyturn::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::UnknownFieldSet;

constexpr int kTooDeep = kMessageNestingMax + 1;

// `room`: so many more levels are looked at.
int Depth(const Descriptor& type, int room) {
  if (room == 0) return 0;
  int below = 0;
  for (int i = 0; i < type.field_count(); ++i) {
    const Descriptor* const held = type.field(i)->message_type();
    if (held != nullptr) below = std::max(below, Depth(*held, room - 1));
  }
  return 1 + below;
}

int Depth(const UnknownFieldSet& fields, int room) {
  if (room == 0) return 0;
  int depth = 0;
  for (int i = 0; i < fields.field_count(); ++i) {
    const google::protobuf::UnknownField& field = fields.field(i);
    // Other undeclared fields are bytes that nobody parses.
    if (field.type() != google::protobuf::UnknownField::TYPE_GROUP) continue;
    depth = std::max(depth, 1 + Depth(field.group(), room - 1));
  }
  return depth;
}

int Depth(const Message& message, int room) {
  if (room == 0) return 0;
  const Reflection& reflection = *message.GetReflection();
  int below = Depth(reflection.GetUnknownFields(message), room - 1);
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      below = std::max(below,
                       Depth(reflection.GetMessage(message, field), room - 1));
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      below = std::max(
          below,
          Depth(reflection.GetRepeatedMessage(message, field, i), room - 1));
    }
  }
  return 1 + below;
}

}  // namespace

int NestingOf(const Descriptor& type) { return Depth(type, kTooDeep); }

absl::Status CheckTypes(const std::vector<std::string>& rpcs) {
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  for (const std::string& rpc : rpcs) {
    const google::protobuf::MethodDescriptor* const method =
        pool->FindMethodByName(absl::StrReplaceAll(rpc, {{"/", "."}}));
    if (method == nullptr) continue;
    if (NestingOf(*method->input_type()) <= kMessageNestingMax) continue;
    return absl::InternalError(absl::StrCat("requests of ", rpc,
                                            " can nest deeper than ",
                                            kMessageNestingMax, " messages"));
  }
  return absl::OkStatus();
}

absl::Status CheckNesting(const Message& request) {
  if (Depth(request, kTooDeep) <= kMessageNestingMax) return absl::OkStatus();
  return base::WithReason(
      absl::InvalidArgumentError(absl::StrCat(
          "the request nests deeper than ", kMessageNestingMax,
          " messages, which none of this API does; send what its description "
          "declares and nothing else")),
      "NESTED_TOO_DEEP");
}

}  // namespace keyturn::rpc
