#include "daemon/rpc/redact.h"

#include <google/protobuf/text_format.h>

#include <memory>
#include <set>
#include <utility>

#include "google/api/field_behavior.pb.h"

namespace keyturn::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::TextFormat;

class HideEverything final : public TextFormat::FastFieldValuePrinter {
 public:
  void PrintString(const std::string& /*value*/,
                   TextFormat::BaseTextGenerator* out) const override {
    out->PrintLiteral(kHidden);
  }
  void PrintBytes(const std::string& /*value*/,
                  TextFormat::BaseTextGenerator* out) const override {
    out->PrintLiteral(kHidden);
  }
};

class HideBytes final : public TextFormat::FastFieldValuePrinter {
 public:
  void PrintBytes(const std::string& /*value*/,
                  TextFormat::BaseTextGenerator* out) const override {
    out->PrintLiteral(kHidden);
  }
};

// Every field below `type` that is marked, each type once.
void HideSecrets(const Descriptor* type, std::set<const Descriptor*>& seen,
                 TextFormat::Printer& printer) {
  if (!seen.insert(type).second) return;
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      HideSecrets(field->message_type(), seen, printer);
    } else if (IsSecret(field)) {
      auto hide = std::make_unique<HideEverything>();
      if (printer.RegisterFieldValuePrinter(field, hide.get())) hide.release();
    }
  }
}

}  // namespace

bool IsSecret(const FieldDescriptor* field) {
  const google::protobuf::FieldOptions& options = field->options();
  for (int i = 0; i < options.ExtensionSize(google::api::field_behavior); ++i) {
    if (options.GetExtension(google::api::field_behavior, i) ==
        google::api::INPUT_ONLY) {
      return true;
    }
  }
  return false;
}

std::string Redacted(const google::protobuf::Message& message) {
  TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  printer.SetHideUnknownFields(true);
  printer.SetDefaultFieldValuePrinter(new HideBytes);
  std::set<const Descriptor*> seen;
  HideSecrets(message.GetDescriptor(), seen, printer);
  std::string text;
  if (!printer.PrintToString(message, &text)) return kHidden;
  if (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

}  // namespace keyturn::rpc
