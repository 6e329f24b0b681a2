# Sourced, not run: installs the Debian packages that building and testing need,
# those that are missing only. Debian 12; as root or with sudo.

keyturn_build_packages=(
  ccache cmake g++ ninja-build pkg-config
  libabsl-dev libasio-dev libcli11-dev libcpp-httplib-dev
  libcurl4-openssl-dev libgrpc++-dev libprotobuf-dev libseccomp-dev
  libspdlog-dev libsqlite3-dev libssl-dev libsystemd-dev libyaml-cpp-dev
  nlohmann-json3-dev protobuf-compiler protobuf-compiler-grpc
  libgmock-dev libgtest-dev python3
)
keyturn_test_packages=(clang-format git systemd python3-grpcio python3-protobuf)
keyturn_tidy_packages=(clang clang-tidy)
keyturn_fuzz_packages=(clang libclang-rt-dev)

# keyturn_install PACKAGE…
keyturn_install() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
      grep -q '^install ok installed$' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "== installing ${#missing[@]} packages: ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
      echo "error: run this as root, or install sudo, or install by hand: ${missing[*]}" >&2
      return 1
    }
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# keyturn_build PRESET [TARGET…]: configures and builds below build/PRESET. The
# compiler cache is told that the checkout's own path does not matter.
keyturn_build() {
  local preset=$1
  shift
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
  export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
  echo "== building (preset $preset; the first time takes ten minutes or more)"
  cmake --preset "$preset" --log-level=WARNING
  cmake --build "build/$preset" -j2 ${1+--target "$@"}
}
