#include "daemon/rpc/fingerprint.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <cstring>

#include "daemon/secret/digest.h"

namespace keyturn::rpc {

std::string FingerprintOf(const secret::Secret& key, std::string_view rpc,
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
  return secret::HmacSha256Hex(key, content.Expose());
}

}  // namespace keyturn::rpc
