# find_package(keel): where the headers are and where a plugin belongs.
get_filename_component(keel_PREFIX "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(keel_INCLUDE_DIR "${keel_PREFIX}/include")
set(keel_PLUGIN_DIR "${keel_PREFIX}/lib/keel/plugins")

if(NOT TARGET keel::sdk)
  add_library(keel::sdk INTERFACE IMPORTED)
  set_target_properties(keel::sdk PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${keel_INCLUDE_DIR}")
endif()
