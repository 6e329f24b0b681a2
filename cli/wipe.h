#ifndef KEYTURN_CLI_WIPE_H_
#define KEYTURN_CLI_WIPE_H_

#include <google/protobuf/message.h>

#include <string>

namespace keyturn::cli {

// The command line passes secrets on and keeps none. What it read is
// overwritten as soon as it was sent; copies that a library made on its way (a
// parser's token buffer, gRPC's send buffer) are out of reach and end with the
// process, which lives for seconds.

// Overwrites the bytes of `text` and empties it.
void Wipe(std::string& text);

// Overwrites every string and bytes field of `message`, nested ones included,
// and clears it.
void WipeMessage(google::protobuf::Message& message);

// Text that is overwritten at the end of its life. Cannot be copied by
// accident and has no printer.
class SecretText {
 public:
  SecretText() = default;
  explicit SecretText(std::string text) : text_(std::move(text)) {}
  SecretText(SecretText&& other) noexcept;
  SecretText& operator=(SecretText&& other) noexcept;
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  ~SecretText() { Wipe(text_); }

  bool empty() const { return text_.empty(); }

  // The bytes themselves, for the request that takes them along.
  const std::string& Reveal() const { return text_; }
  std::string& Reveal() { return text_; }

 private:
  std::string text_;
};

// Wipes `message` at the end of its scope. The message must live longer.
class MessageWiper {
 public:
  explicit MessageWiper(google::protobuf::Message& message)
      : message_(message) {}
  MessageWiper(const MessageWiper&) = delete;
  MessageWiper& operator=(const MessageWiper&) = delete;
  ~MessageWiper() { WipeMessage(message_); }

 private:
  google::protobuf::Message& message_;
};

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_WIPE_H_
