# The helpers that every folder's CMakeLists.txt is made of.

# One precompiled header for all: the compile options are the same everywhere.
add_library(keel_pch OBJECT ${CMAKE_SOURCE_DIR}/tools/cmake/pch.cpp)
target_link_libraries(keel_pch PRIVATE keel_options fmt::fmt)
target_precompile_headers(keel_pch PRIVATE ${CMAKE_SOURCE_DIR}/tools/cmake/pch.hpp)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(keel_options INTERFACE -fpch-preprocess)  # lets ccache see the header
endif()

# The same for tests, with doctest. Tests are not optimised: that halves the time to compile them, and what
# they test is. Flags and header go together, as GCC takes a precompiled header with its own flags only.
if(BUILD_TESTING)
  add_library(keel_test_pch OBJECT ${CMAKE_SOURCE_DIR}/tools/cmake/pch.cpp)
  target_link_libraries(keel_test_pch PRIVATE keel_options fmt::fmt doctest::doctest)
  target_compile_options(keel_test_pch PRIVATE -O0)
  target_precompile_headers(keel_test_pch PRIVATE
    ${CMAKE_SOURCE_DIR}/tools/cmake/pch.hpp <doctest/doctest.h>)
endif()

# keel_test_flags(TARGET): makes an executable a test program.
function(keel_test_flags target)
  target_link_libraries(${target} PRIVATE keel_options keel_doctest_main fmt::fmt)
  target_compile_options(${target} PRIVATE -O0)
  target_precompile_headers(${target} REUSE_FROM keel_test_pch)
endfunction()

# keel_module(NAME [USES target...] [PRIVATE target...])
# One static library of the .cpp files in the current folder; USES are the modules below it.
function(keel_module name)
  cmake_parse_arguments(ARG "" "" "USES;PRIVATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  add_library(keel_${name} STATIC ${sources})
  target_link_libraries(keel_${name} PUBLIC keel_options ${ARG_USES} PRIVATE ${ARG_PRIVATE})
  target_precompile_headers(keel_${name} REUSE_FROM keel_pch)
endfunction()

# keel_unit_test(MODULE [USES target...])
# One executable of tests/unit/<module>/*.cpp, one ctest entry.
function(keel_unit_test module)
  cmake_parse_arguments(ARG "" "" "USES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${module}/*.cpp)
  add_executable(unit_${module} ${sources})
  keel_test_flags(unit_${module})
  target_link_libraries(unit_${module} PRIVATE ${ARG_USES})
  add_test(NAME unit.${module} COMMAND unit_${module})
  # What takes long begins first: in the end only short tests are left, which fill all places.
  set_tests_properties(unit.${module} PROPERTIES TIMEOUT 600 COST 50)
endfunction()

# keel_fuzz_target(NAME [USES target...])
# bin/fuzz_<name> of fuzz_<name>.cpp in the current folder; `fuzzers` builds them all.
function(keel_fuzz_target name)
  cmake_parse_arguments(ARG "" "" "USES" ${ARGN})
  add_executable(fuzz_${name} fuzz_${name}.cpp)
  target_link_libraries(fuzz_${name} PRIVATE keel_options ${ARG_USES})
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  if(NOT TARGET fuzzers)
    add_custom_target(fuzzers)
  endif()
  add_dependencies(fuzzers fuzz_${name})
endfunction()
