#include "daemon/rpc/fingerprint.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <cstring>
#include <set>

#include "daemon/rpc/redact.h"
#include "daemon/secret/digest.h"

namespace keyturn::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

bool Search(const Descriptor& type, std::set<const Descriptor*>& seen) {
  if (!seen.insert(&type).second) return false;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (IsSecret(&field)) return true;
    const Descriptor* const inner = field.message_type();
    if (inner != nullptr && Search(*inner, seen)) return true;
  }
  return false;
}

secret::Secret ContentOf(std::string_view rpc,
                         const google::protobuf::Message& request) {
  const size_t head = rpc.size() + 1;
  const size_t body = request.ByteSizeLong();
  secret::Secret content = secret::Secret::OfSize(head + body);
  std::memcpy(content.ExposeMutable(), rpc.data(), rpc.size());
  {
    google::protobuf::io::ArrayOutputStream array(
        content.ExposeMutable() + head, static_cast<int>(body));
    google::protobuf::io::CodedOutputStream stream(&array);
    stream.SetSerializationDeterministic(true);
    request.SerializeWithCachedSizes(&stream);
  }
  return content;
}

}  // namespace

bool MayCarrySecret(const Descriptor& type) {
  std::set<const Descriptor*> seen;
  return Search(type, seen);
}

std::string FingerprintOf(const secret::Secret& key, std::string_view rpc,
                          const google::protobuf::Message& request) {
  return secret::HmacSha256Hex(key, ContentOf(rpc, request).Expose());
}

std::string PlainFingerprintOf(std::string_view rpc,
                               const google::protobuf::Message& request) {
  return secret::Sha256Hex(ContentOf(rpc, request).Expose());
}

}  // namespace keyturn::rpc
