#include "tests/store/faulty_disk.h"

#include <sqlite3.h>

#include <filesystem>
#include <new>
#include <utility>

namespace keyturn::testing {
namespace {

// Followed in memory by the system's own file object.
struct File {
  sqlite3_file base;
  std::string* name;

  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File* Cast(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
sqlite3_file* Real(sqlite3_file* file) { return Cast(file)->real(); }
const sqlite3_io_methods* Methods(sqlite3_file* file) {
  return Real(file)->pMethods;
}

int Close(sqlite3_file* file) {
  delete Cast(file)->name;
  return Methods(file)->xClose(Real(file));
}
int Read(sqlite3_file* file, void* bytes, int size, sqlite3_int64 offset) {
  return Methods(file)->xRead(Real(file), bytes, size, offset);
}
int Write(sqlite3_file* file, const void* bytes, int size,
          sqlite3_int64 offset) {
  const int code = FaultyDisk::Get().write_code();
  if (code != SQLITE_OK) return code;
  return Methods(file)->xWrite(Real(file), bytes, size, offset);
}
int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  return Methods(file)->xTruncate(Real(file), size);
}
int Sync(sqlite3_file* file, int flags) {
  FaultyDisk& disk = FaultyDisk::Get();
  int code = disk.SyncCodeOf(*Cast(file)->name);
  if (code == SQLITE_OK) code = Methods(file)->xSync(Real(file), flags);
  if (code != SQLITE_OK) return code;
  sqlite3_int64 size = 0;
  Methods(file)->xFileSize(Real(file), &size);
  std::string content(size, '\0');
  Methods(file)->xRead(Real(file), content.data(), static_cast<int>(size), 0);
  disk.NoteSync(*Cast(file)->name, std::move(content));
  return code;
}
int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  return Methods(file)->xFileSize(Real(file), size);
}
int Lock(sqlite3_file* file, int level) {
  return Methods(file)->xLock(Real(file), level);
}
int Unlock(sqlite3_file* file, int level) {
  return Methods(file)->xUnlock(Real(file), level);
}
int CheckReservedLock(sqlite3_file* file, int* result) {
  return Methods(file)->xCheckReservedLock(Real(file), result);
}
int FileControl(sqlite3_file* file, int operation, void* argument) {
  return Methods(file)->xFileControl(Real(file), operation, argument);
}
int SectorSize(sqlite3_file* file) {
  return Methods(file)->xSectorSize(Real(file));
}
int DeviceCharacteristics(sqlite3_file* file) {
  return Methods(file)->xDeviceCharacteristics(Real(file));
}
int ShmMap(sqlite3_file* file, int region, int size, int extend,
           void volatile** memory) {
  return Methods(file)->xShmMap(Real(file), region, size, extend, memory);
}
int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
  return Methods(file)->xShmLock(Real(file), offset, count, flags);
}
void ShmBarrier(sqlite3_file* file) { Methods(file)->xShmBarrier(Real(file)); }
int ShmUnmap(sqlite3_file* file, int remove) {
  return Methods(file)->xShmUnmap(Real(file), remove);
}

// Version 2: with shared memory for the log's index, without mapped files.
constexpr sqlite3_io_methods kMethods = {2,
                                         Close,
                                         Read,
                                         Write,
                                         Truncate,
                                         Sync,
                                         FileSize,
                                         Lock,
                                         Unlock,
                                         CheckReservedLock,
                                         FileControl,
                                         SectorSize,
                                         DeviceCharacteristics,
                                         ShmMap,
                                         ShmLock,
                                         ShmBarrier,
                                         ShmUnmap,
                                         nullptr,
                                         nullptr};

sqlite3_vfs* RealVfs() {
  static sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
  return vfs;
}

std::string NameOf(const char* path) {
  return path == nullptr ? "" : std::filesystem::path(path).filename().string();
}

int Delete(sqlite3_vfs*, const char* name, int sync_directory) {
  const int code = RealVfs()->xDelete(RealVfs(), name, sync_directory);
  if (code == SQLITE_OK) FaultyDisk::Get().NoteDeletion(NameOf(name));
  return code;
}

int Open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags,
         int* flags_out) {
  file->pMethods = nullptr;
  const int code =
      RealVfs()->xOpen(RealVfs(), name, Real(file), flags, flags_out);
  if (code != SQLITE_OK) return code;
  Cast(file)->name = new std::string(NameOf(name));
  file->pMethods = &kMethods;
  return code;
}

}  // namespace

FaultyDisk& FaultyDisk::Get() {
  static FaultyDisk* const disk = [] {
    static sqlite3_vfs vfs = *RealVfs();
    vfs.zName = kName;
    vfs.xOpen = Open;
    vfs.xDelete = Delete;
    vfs.szOsFile += static_cast<int>(sizeof(File));
    sqlite3_vfs_register(&vfs, /*makeDflt=*/0);
    return new FaultyDisk();
  }();
  return *disk;
}

void FaultyDisk::Reset() {
  write_code_ = 0;
  syncs_ = 0;
  base::MutexLock lock(mutex_);
  sync_code_ = 0;
  synced_.clear();
}

void FaultyDisk::FailSyncs(int code, const std::string& name) {
  base::MutexLock lock(mutex_);
  sync_code_ = code;
  failing_name_ = name;
}

int FaultyDisk::SyncCodeOf(const std::string& name) {
  base::MutexLock lock(mutex_);
  return failing_name_.empty() || failing_name_ == name ? sync_code_
                                                        : SQLITE_OK;
}

std::map<std::string, std::string> FaultyDisk::Synced() {
  base::MutexLock lock(mutex_);
  return synced_;
}

void FaultyDisk::NoteSync(const std::string& name, std::string content) {
  ++syncs_;
  base::MutexLock lock(mutex_);
  synced_[name] = std::move(content);
}

void FaultyDisk::NoteDeletion(const std::string& name) {
  base::MutexLock lock(mutex_);
  synced_.erase(name);
}

}  // namespace keyturn::testing
