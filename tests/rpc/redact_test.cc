#include "daemon/rpc/redact.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "daemon/rpc/server.h"
#include "google/api/field_behavior.pb.h"
#include "keyturn/v1/credentials.pb.h"

namespace keyturn::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::Reflection;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kSecretText[] = "canary-of-a-secret";
constexpr char kPlainText[] = "plain-text";

// Every message that a served RPC takes or gives.
std::set<const Descriptor*> ServedMessages(bool requests_only) {
  std::set<const Descriptor*> types;
  for (const std::string& rpc : ServedRpcs()) {
    std::string name = rpc;
    name.replace(name.find('/'), 1, ".");
    const auto* method =
        DescriptorPool::generated_pool()->FindMethodByName(name);
    if (method == nullptr) continue;
    types.insert(method->input_type());
    if (!requests_only) types.insert(method->output_type());
  }
  return types;
}

// Calls `look` with every field at or below `types`, each once.
void EachField(const std::set<const Descriptor*>& types,
               const std::function<void(const FieldDescriptor*)>& look) {
  std::set<const Descriptor*> seen;
  std::vector<const Descriptor*> left(types.begin(), types.end());
  while (!left.empty()) {
    const Descriptor* type = left.back();
    left.pop_back();
    if (!seen.insert(type).second) continue;
    for (int i = 0; i < type->field_count(); ++i) {
      look(type->field(i));
      if (type->field(i)->message_type() != nullptr) {
        left.push_back(type->field(i)->message_type());
      }
    }
  }
}

// Fills every field of text at any depth; of a oneof, the first alternative
// that `choice` does not pass over.
void Fill(Message* message, int choice, int depth = 0) {
  constexpr int kDepthMax = 6;
  const Descriptor* type = message->GetDescriptor();
  const Reflection* reflection = message->GetReflection();
  for (int i = 0; i < type->field_count() && depth < kDepthMax; ++i) {
    const FieldDescriptor* field = type->field(i);
    const auto* oneof = field->real_containing_oneof();
    if (oneof != nullptr &&
        field->index_in_oneof() != choice % oneof->field_count()) {
      continue;
    }
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      Fill(field->is_repeated() ? reflection->AddMessage(message, field)
                                : reflection->MutableMessage(message, field),
           choice, depth + 1);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      const std::string text = IsSecret(field) ? kSecretText : kPlainText;
      if (field->is_repeated()) {
        reflection->AddString(message, field, text);
      } else {
        reflection->SetString(message, field, text);
      }
    }
  }
}

TEST(RedactTest, HidesEverySecretOfEveryRequestAndShowsTheRest) {
  constexpr int kAlternatives = 8;
  int secrets = 0;
  for (const Descriptor* type : ServedMessages(/*requests_only=*/true)) {
    for (int choice = 0; choice < kAlternatives; ++choice) {
      const std::unique_ptr<Message> message(
          MessageFactory::generated_factory()->GetPrototype(type)->New());
      Fill(message.get(), choice);
      const std::string shown = Redacted(*message);
      EXPECT_THAT(shown, Not(HasSubstr(kSecretText))) << type->full_name();
      const std::string wire = message->SerializeAsString();
      if (wire.find(kPlainText) != std::string::npos) {
        EXPECT_THAT(shown, HasSubstr(kPlainText)) << type->full_name();
      }
      if (wire.find(kSecretText) != std::string::npos) {
        EXPECT_THAT(shown, HasSubstr(kHidden)) << type->full_name();
        ++secrets;
      }
    }
  }
  // Two requests with each kind of credential, and a task's token.
  EXPECT_GE(secrets, 9);
}

TEST(RedactTest, EveryFieldThatSoundsLikeASecretIsMarked) {
  const std::regex secret(
      "(^|_)(token(_id)?|secret|password|passphrase|"
      "private_key.*|pin|otp)$");
  const std::regex harmless("(page|prev|next).*_token");
  std::vector<std::string> unmarked;
  EachField(ServedMessages(/*requests_only=*/true),
            [&](const FieldDescriptor* field) {
              const bool sounds =
                  field->type() == FieldDescriptor::TYPE_BYTES ||
                  (field->type() == FieldDescriptor::TYPE_STRING &&
                   std::regex_search(field->name(), secret) &&
                   !std::regex_search(field->name(), harmless));
              if (sounds && !IsSecret(field)) {
                unmarked.push_back(field->full_name());
              }
            });
  EXPECT_THAT(unmarked, IsEmpty());
}

TEST(RedactTest, ASecretIsOfTypeBytesAndIsNeverGivenOut) {
  std::set<const Descriptor*> responses;
  for (const Descriptor* type : ServedMessages(/*requests_only=*/false)) {
    if (!ServedMessages(/*requests_only=*/true).contains(type)) {
      responses.insert(type);
    }
  }
  std::vector<std::string> faults;
  EachField(responses, [&](const FieldDescriptor* field) {
    // The one secret whose purpose it is to be given out, once: see there.
    if (field->full_name() == "keyturn.v1.Invitation.token") return;
    if (IsSecret(field)) faults.push_back(field->full_name());
  });
  EachField(
      ServedMessages(/*requests_only=*/true),
      [&](const FieldDescriptor* field) {
        if (IsSecret(field) && field->type() != FieldDescriptor::TYPE_BYTES) {
          faults.push_back(field->full_name());
        }
      });
  EXPECT_THAT(faults, IsEmpty());
}

TEST(RedactTest, IsOneLineThatSaysWhatWasAsked) {
  v1::CreateCredentialRequest request;
  request.set_credential_id("acme\nforged=1");
  request.mutable_secret()->mutable_celigo_token()->set_token(kSecretText);
  EXPECT_EQ(Redacted(request),
            "credential_id: \"acme\\nforged=1\" "
            "secret { celigo_token { token: (hidden) } }");
}

TEST(RedactTest, HidesBytesThatNobodyMarked) {
  google::protobuf::BytesValue value;
  value.set_value(kSecretText);
  EXPECT_EQ(Redacted(value), "value: (hidden)");
}

TEST(RedactTest, HidesAMarkedFieldOfAnotherType) {
  google::protobuf::FileDescriptorProto file;
  file.set_name("pin.proto");
  file.add_dependency("google/api/field_behavior.proto");
  google::protobuf::DescriptorProto& type = *file.add_message_type();
  type.set_name("Pin");
  google::protobuf::FieldDescriptorProto& field = *type.add_field();
  field.set_name("pin");
  field.set_number(1);
  field.set_type(google::protobuf::FieldDescriptorProto::TYPE_STRING);
  field.mutable_options()->AddExtension(google::api::field_behavior,
                                        google::api::INPUT_ONLY);
  DescriptorPool pool(DescriptorPool::generated_pool());
  ASSERT_NE(pool.BuildFile(file), nullptr);
  google::protobuf::DynamicMessageFactory factory(&pool);
  const std::unique_ptr<Message> pin(
      factory.GetPrototype(pool.FindMessageTypeByName("Pin"))->New());
  pin->GetReflection()->SetString(
      pin.get(), pin->GetDescriptor()->FindFieldByName("pin"), kSecretText);
  EXPECT_EQ(Redacted(*pin), "pin: (hidden)");
}

TEST(RedactTest, LeavesOutWhatItDoesNotKnow) {
  v1::CreateCredentialRequest request;
  request.GetReflection()->MutableUnknownFields(&request)->AddLengthDelimited(
      1000, kSecretText);
  EXPECT_EQ(Redacted(request), "");
}

}  // namespace
}  // namespace keyturn::rpc
