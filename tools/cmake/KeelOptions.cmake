# How everything is compiled. Sanitizers and build types come from CMakePresets.json.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

option(BUILD_TESTING "Build the tests" ON)
option(KEEL_FUZZ "Build the libFuzzer targets (clang only)" OFF)
option(KEEL_LTO "Optimise `keel` across files at link time" OFF)
set(KEEL_SANITIZE "" CACHE STRING "Sanitizers to build with: address,undefined or thread")

# ccache can keep objects built with a precompiled header only when told that it need not look inside.
find_program(KEEL_CCACHE ccache)
if(KEEL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${KEEL_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros ${KEEL_CCACHE})
endif()

add_library(keel_options INTERFACE)
target_include_directories(keel_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(keel_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
  -Wno-missing-field-initializers -fno-omit-frame-pointer)
target_link_options(keel_options INTERFACE -Wl,-z,relro,-z,now)
# Asio picks its allocator by what was included before it; one answer for every file keeps them alike.
target_compile_definitions(keel_options INTERFACE ASIO_DISABLE_STD_ALIGNED_ALLOC)
if(KEEL_SANITIZE)
  target_compile_options(keel_options INTERFACE -fsanitize=${KEEL_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(keel_options INTERFACE -fsanitize=${KEEL_SANITIZE})
endif()
if(KEEL_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 sees uninitialised values in instrumented std::variant, and fences of Asio that TSan ignores.
  target_compile_options(keel_options INTERFACE -Wno-maybe-uninitialized
    $<$<STREQUAL:${KEEL_SANITIZE},thread>:-Wno-tsan>)
endif()
if(KEEL_FUZZ)
  target_compile_options(keel_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(KEEL_LTO)
  include(CheckIPOSupported)
  check_ipo_supported(LANGUAGES CXX)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()
