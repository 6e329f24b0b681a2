#include "daemon/rpc/wiping_allocator.h"

#include <string>
#include <vector>

#include "daemon/rpc/redact.h"
#include "daemon/secret/secret.h"

namespace keyturn::rpc {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void WipeBytes(const Reflection* reflection, const FieldDescriptor* field,
               Message* message) {
  // The reference is to the message's own string, which is not const.
  std::string scratch;
  const std::string& held =
      reflection->GetStringReference(*message, field, &scratch);
  secret::WipeString(const_cast<std::string&>(held));
  secret::WipeString(scratch);
  reflection->ClearField(message, field);
}

}  // namespace

void WipeSecrets(Message* message) {
  const Reflection* reflection = message->GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(*message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->is_repeated()) continue;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      WipeSecrets(reflection->MutableMessage(message, field));
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING &&
               IsSecret(field)) {
      WipeBytes(reflection, field, message);
    }
  }
}

}  // namespace keyturn::rpc
