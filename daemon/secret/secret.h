// Bytes that must not get out.
#ifndef KEYTURN_DAEMON_SECRET_SECRET_H_
#define KEYTURN_DAEMON_SECRET_SECRET_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace keyturn::secret {

// Owns bytes that wipe themselves, in memory that is not swapped and not dumped
// (see memory.h). A Secret cannot be copied by accident (see Clone), printed,
// logged or compared in a time that depends on its bytes. What is inside is
// seen only through Expose, so that grep finds every place.
//
// Not thread-safe; may be moved between threads.
class Secret {
 public:
  Secret() = default;
  // Copies the bytes; wiping the source is the caller's business, see Take.
  explicit Secret(std::string_view bytes);
  // Moves the bytes out of `source` and wipes what `source` held.
  static Secret Take(std::string& source);
  // A buffer of `size` zero bytes, to be filled through ExposeMutable.
  static Secret OfSize(size_t size);

  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  Secret Clone() const { return Secret(Expose()); }

  // The bytes; valid as long as this object is neither moved nor destroyed.
  // Whoever copies them elsewhere wipes the copy.
  std::string_view Expose() const { return std::string_view(data_, size_); }
  char* ExposeMutable() { return data_; }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  void Wipe();

  // Null when empty, else of memory.h.
  char* data_ = nullptr;
  size_t size_ = 0;
};

// In a time that depends only on the sizes.
bool Equal(const Secret& a, const Secret& b);

// Overwrites the whole capacity of `text`, then empties it. For buffers that a
// library forces upon us.
void WipeString(std::string& text);

}  // namespace keyturn::secret

#endif  // KEYTURN_DAEMON_SECRET_SECRET_H_
