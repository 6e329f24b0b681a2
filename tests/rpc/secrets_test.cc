// What becomes of the secrets in a request.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "daemon/rpc/fingerprint.h"
#include "daemon/rpc/wiping_allocator.h"
#include "keyturn/v1/credentials.pb.h"
#include "keyturn/v1/tasks.pb.h"

namespace keyturn::rpc {
namespace {

const secret::Secret& Key() {
  static const auto& key = *new secret::Secret("key");
  return key;
}

v1::SubmitTaskSecretRequest Submit(const std::string& token_secret) {
  v1::SubmitTaskSecretRequest request;
  request.set_name("tasks/abcdefghijklmno2");
  request.set_token_id("id");
  request.set_token_secret(token_secret);
  request.set_request_id("request-1");
  return request;
}

TEST(FingerprintTest, IsTheSameForTheSameContent) {
  EXPECT_EQ(FingerprintOf(Key(), "a", Submit("x")),
            FingerprintOf(Key(), "a", Submit("x")));
  EXPECT_EQ(FingerprintOf(Key(), "a", Submit("x")).size(), 64u);
}

TEST(FingerprintTest, DiffersWithTheSecretTheRpcAndTheKey) {
  const std::string one = FingerprintOf(Key(), "a", Submit("x"));

  EXPECT_NE(FingerprintOf(Key(), "a", Submit("y")), one);
  EXPECT_NE(FingerprintOf(Key(), "b", Submit("x")), one);
  EXPECT_NE(FingerprintOf(secret::Secret("other"), "a", Submit("x")), one);
}

TEST(WipeSecretsTest, OverwritesTheBytesWhereTheyAre) {
  const std::string value(100, 's');
  v1::SubmitTaskSecretRequest request = Submit(value);
  // The string object survives; what it held does not.
  const char* const bytes = request.token_secret().data();
  std::string* const held = request.mutable_token_secret();

  WipeSecrets(&request);

  EXPECT_TRUE(request.token_secret().empty());
  EXPECT_TRUE(request.token_id().empty());
  EXPECT_EQ(request.name(), "tasks/abcdefghijklmno2");
  ASSERT_EQ(held->data(), bytes);
  ASSERT_GE(held->capacity(), value.size());
  EXPECT_EQ(std::string(bytes, value.size()), std::string(value.size(), '\0'));
}

TEST(WipeSecretsTest, ReachesEveryKindOfCredential) {
  v1::CreateCredentialRequest request;
  auto* tba = request.mutable_secret()->mutable_netsuite_tba();
  tba->set_consumer_key("a");
  tba->set_consumer_secret("b");
  tba->set_token_id("c");
  tba->set_token_secret("d");
  WipeSecrets(&request);
  EXPECT_EQ(request.secret().netsuite_tba().ByteSizeLong(), 0u);

  request.mutable_secret()->mutable_netsuite_login()->set_password("e");
  WipeSecrets(&request);
  EXPECT_EQ(request.secret().netsuite_login().ByteSizeLong(), 0u);
  request.mutable_secret()->mutable_netsuite_m2m()->set_private_key_pem("f");
  WipeSecrets(&request);
  EXPECT_EQ(request.secret().netsuite_m2m().ByteSizeLong(), 0u);
  request.mutable_secret()->mutable_celigo_token()->set_token("g");
  WipeSecrets(&request);
  EXPECT_EQ(request.secret().celigo_token().ByteSizeLong(), 0u);
}

// A secret is `bytes`: whoever adds one and forgets to mark it is told here.
TEST(SecretFieldsTest, AllBytesInRequestsAreMarked) {
  const auto* file = v1::CreateCredentialRequest::descriptor()->file();
  v1::CredentialSecret all;
  int bytes_fields = 0;
  const auto* message = file->FindMessageTypeByName("CredentialSecret");
  for (int i = 0; i < message->nested_type_count(); ++i) {
    for (int j = 0; j < message->nested_type(i)->field_count(); ++j) {
      const auto* field = message->nested_type(i)->field(j);
      ASSERT_EQ(field->type(), google::protobuf::FieldDescriptor::TYPE_BYTES);
      const auto* holder = message->field(i);
      auto* sub = all.GetReflection()->MutableMessage(&all, holder);
      sub->GetReflection()->SetString(sub, field, "secret");
      WipeSecrets(&all);
      EXPECT_EQ(sub->ByteSizeLong(), 0u) << field->full_name();
      ++bytes_fields;
    }
  }
  EXPECT_EQ(bytes_fields, 10);
}

}  // namespace
}  // namespace keyturn::rpc
