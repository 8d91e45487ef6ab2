# `header_check` compiles every header on its own: each must include what it uses. The C headers of the
# SDK are compiled as C11 and as C++20, with the warnings that plugins' authors may have on.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}
  ${CMAKE_SOURCE_DIR}/kernel/*.hpp ${CMAKE_SOURCE_DIR}/sdk/include/*.hpp
  ${CMAKE_SOURCE_DIR}/tools/ctl/*.hpp ${CMAKE_SOURCE_DIR}/tools/plugin_check/*.hpp)
file(GLOB_RECURSE c_headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}
  ${CMAKE_SOURCE_DIR}/sdk/include/*.h)

set(sources)
foreach(header ${headers} ${c_headers})
  set(source ${CMAKE_BINARY_DIR}/header_check/${header}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"@header@\"\n" @ONLY)
  list(APPEND sources ${source})
endforeach()

add_library(header_check OBJECT EXCLUDE_FROM_ALL ${sources})
target_link_libraries(header_check PRIVATE keel_options keel_sdk fmt::fmt asio)
target_compile_options(header_check PRIVATE -fsyntax-only)
set_target_properties(header_check PROPERTIES UNITY_BUILD OFF CXX_COMPILER_LAUNCHER "")  # nothing to cache

set(c_sources)
foreach(header ${c_headers})
  set(source ${CMAKE_BINARY_DIR}/header_check/${header}.c)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"@header@\"\ntypedef int header_check;\n" @ONLY)
  list(APPEND c_sources ${source})
endforeach()
add_library(header_check_c OBJECT EXCLUDE_FROM_ALL ${c_sources})
target_link_libraries(header_check_c PRIVATE keel_sdk)
target_include_directories(header_check_c PRIVATE ${CMAKE_SOURCE_DIR})
target_compile_options(header_check_c PRIVATE -fsyntax-only -std=c11 -Wall -Wextra -Wpedantic
  -Wstrict-prototypes -Wundef -Werror)
set_target_properties(header_check_c PROPERTIES UNITY_BUILD OFF C_COMPILER_LAUNCHER "")
add_dependencies(header_check header_check_c)
