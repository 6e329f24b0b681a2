# One target per folder. Includes are written from the top of the project
# ("daemon/base/clock.h", "keyturn/v1/migrations.pb.h").

add_library(keyturn_options INTERFACE)
target_include_directories(keyturn_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(keyturn_options INTERFACE
  -Wall -Wextra
  # What is shipped must build with whatever another compiler warns of.
  $<$<NOT:$<CONFIG:Release,RelWithDebInfo>>:-Werror>
  -Wno-missing-field-initializers
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  # g++ 12 mistakes the allocation functions of Asio's coroutine frames.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>
  # Where it optimises for speed, g++ 12 also takes strings of libstdc++ for out
  # of bounds; the other builds keep these warnings.
  "$<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release,RelWithDebInfo>>:-Wno-array-bounds;-Wno-stringop-overflow;-Wno-stringop-overread;-Wno-restrict;-Wno-maybe-uninitialized>")
if(KEYTURN_SANITIZE)
  target_compile_options(keyturn_options INTERFACE
    -fsanitize=${KEYTURN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(keyturn_options INTERFACE -fsanitize=${KEYTURN_SANITIZE})
  # Asio's fences are not understood by ThreadSanitizer, which g++ warns of; and
  # under sanitizers g++ 12 takes libstdc++'s regex for uninitialized.
  target_compile_options(keyturn_options INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan -Wno-maybe-uninitialized>)
  # clang 14 writes what its check of function types looks for in front of a
  # coroutine's parts, where the assembler cannot place it.
  target_compile_options(keyturn_options INTERFACE
    $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=function>)
endif()

# Headers that are compiled once, for targets that ask for it with PRECOMPILED:
# everything that stands on keyturn_base.
function(keyturn_precompile name header)
  add_library(${name} STATIC ${PROJECT_SOURCE_DIR}/cmake/empty.cc)
  target_link_libraries(${name} PUBLIC keyturn_options keyturn_asio
    absl::statusor absl::strings absl::time nlohmann_json::nlohmann_json ${ARGN})
  target_precompile_headers(${name} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/${header})
endfunction()
keyturn_precompile(keyturn_precompiled precompiled.h)
if(KEYTURN_BUILD_TESTS)
  keyturn_precompile(keyturn_precompiled_test precompiled_test.h GTest::gmock)
endif()

# keyturn_library(NAME [PRECOMPILED] SOURCES … DEPS …)
function(keyturn_library name)
  cmake_parse_arguments(ARG "PRECOMPILED" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC keyturn_options ${ARG_DEPS})
  if(ARG_PRECOMPILED)
    target_precompile_headers(${name} REUSE_FROM keyturn_precompiled)
  endif()
endfunction()

# keyturn_binary(NAME OUTPUT name SOURCES … DEPS …)
function(keyturn_binary name)
  cmake_parse_arguments(ARG "" "OUTPUT" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES OUTPUT_NAME ${ARG_OUTPUT})
  target_link_libraries(${name} PRIVATE keyturn_options ${ARG_DEPS})
endfunction()

# keyturn_test(NAME [PRECOMPILED] SOURCES … DEPS … [TIMEOUT seconds] [LABELS …]):
# a GoogleTest program, one ctest case for the whole program.
function(keyturn_test name)
  cmake_parse_arguments(ARG "PRECOMPILED" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE keyturn_options ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  if(ARG_PRECOMPILED)
    target_precompile_headers(${name} REUSE_FROM keyturn_precompiled_test)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()
