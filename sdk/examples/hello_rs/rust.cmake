# hello_rs with the Rust compiler alone: no keel_add_plugin(), as cargo or another build tool would do it.
# rustc's own export list takes the place of keel-plugin.map; the lint and the check are the same.
find_program(RUSTC rustc)
set(target)
if(RUSTC)
  execute_process(COMMAND ${RUSTC} -vV OUTPUT_VARIABLE version ERROR_QUIET RESULT_VARIABLE failed)
  string(REGEX MATCH "host: ([^\n]+)" target "${version}")
endif()
if(NOT target OR failed)
  message(STATUS "The example hello_rs is left out: no rustc was found")
  return()
endif()

set(file ${CMAKE_CURRENT_BINARY_DIR}/plugins/hello_rs.so)
add_custom_command(OUTPUT ${file}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/plugins
  COMMAND ${RUSTC} --edition 2021 --crate-type cdylib -C panic=unwind -C opt-level=2 -C strip=debuginfo
    -C link-arg=-Wl,-z,now -o ${file} ${CMAKE_CURRENT_SOURCE_DIR}/hello_rs/hello_rs.rs
  COMMAND chmod go-w ${file}
  COMMAND keel::plugin_check --lint ${file} --name hello_rs
  DEPENDS hello_rs/hello_rs.rs keel::plugin_check
  COMMENT "Building the Rust plugin hello_rs.so" VERBATIM)
add_custom_target(hello_rs ALL DEPENDS ${file})

if(NOT DEFINED BUILD_TESTING OR BUILD_TESTING)
  add_test(NAME hello_rs.check
    COMMAND keel::plugin_check ${file} --broker $<TARGET_FILE:keel::keel>)
  set_tests_properties(hello_rs.check PROPERTIES TIMEOUT 300 LABELS plugin)
endif()
