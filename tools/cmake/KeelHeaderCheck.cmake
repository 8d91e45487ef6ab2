# `header_check` compiles every header on its own: each must include what it uses.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}
  ${CMAKE_SOURCE_DIR}/kernel/*.hpp ${CMAKE_SOURCE_DIR}/sdk/include/*.hpp)

set(sources)
foreach(header ${headers})
  set(source ${CMAKE_BINARY_DIR}/header_check/${header}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"@header@\"\n" @ONLY)
  list(APPEND sources ${source})
endforeach()

if(sources)
  add_library(header_check OBJECT EXCLUDE_FROM_ALL ${sources})
  target_link_libraries(header_check PRIVATE keel_options fmt::fmt asio)
  target_include_directories(header_check PRIVATE ${CMAKE_SOURCE_DIR}/sdk/include)
  target_compile_options(header_check PRIVATE -fsyntax-only)
  set_target_properties(header_check PROPERTIES CXX_COMPILER_LAUNCHER "")  # nothing to cache
endif()
