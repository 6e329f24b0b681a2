#include "cli/wipe.h"

#include <string.h>

#include <utility>
#include <vector>

namespace keyturn::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void OverwriteBytes(const std::string& text) {
  explicit_bzero(const_cast<char*>(text.data()), text.size());
}

void OverwriteField(Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  const int count =
      field.is_repeated() ? reflection.FieldSize(message, &field) : 1;
  for (int i = 0; i < count; ++i) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      std::string scratch;
      OverwriteBytes(
          field.is_repeated()
              ? reflection.GetRepeatedStringReference(message, &field, i,
                                                      &scratch)
              : reflection.GetStringReference(message, &field, &scratch));
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      WipeMessage(field.is_repeated()
                      ? *reflection.MutableRepeatedMessage(&message, &field, i)
                      : *reflection.MutableMessage(&message, &field));
    }
  }
}

}  // namespace

void Wipe(std::string& text) {
  OverwriteBytes(text);
  text.clear();
}

void WipeMessage(Message& message) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) OverwriteField(message, *field);
  message.Clear();
}

SecretText::SecretText(SecretText&& other) noexcept
    : text_(std::move(other.text_)) {
  Wipe(other.text_);
}

SecretText& SecretText::operator=(SecretText&& other) noexcept {
  if (this != &other) {
    Wipe(text_);
    text_ = std::move(other.text_);
    Wipe(other.text_);
  }
  return *this;
}

}  // namespace keyturn::cli
