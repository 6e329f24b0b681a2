# Everything comes from Debian 12's packages; the build downloads nothing.
find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(absl REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(GTest REQUIRED)
pkg_check_modules(GRPC REQUIRED IMPORTED_TARGET grpc++)
# It defines NOMINMAX, which matters on Windows alone and spoils the
# precompiled headers here.
set_target_properties(PkgConfig::GRPC PROPERTIES INTERFACE_COMPILE_OPTIONS "")
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
# Its one option is -DNOMINMAX, which concerns Windows alone and would part its
# users from the precompiled headers.
set_target_properties(PkgConfig::GRPC PROPERTIES INTERFACE_COMPILE_OPTIONS "")
find_library(GRPC_REFLECTION_LIBRARY grpc++_reflection REQUIRED)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
find_path(ASIO_INCLUDE_DIR asio.hpp REQUIRED)

add_library(keyturn_asio INTERFACE)
target_include_directories(keyturn_asio SYSTEM INTERFACE ${ASIO_INCLUDE_DIR})
target_compile_definitions(keyturn_asio INTERFACE ASIO_STANDALONE ASIO_NO_DEPRECATED
  # Otherwise Asio's allocator depends on which header a file includes first.
  ASIO_DISABLE_STD_ALIGNED_ALLOC
  # clang 14 has coroutines but does not say so to libstdc++ and Asio.
  $<$<CXX_COMPILER_ID:Clang>:ASIO_HAS_CO_AWAIT ASIO_HAS_STD_COROUTINE
    __cpp_impl_coroutine=201902L>)
target_link_libraries(keyturn_asio INTERFACE Threads::Threads)
