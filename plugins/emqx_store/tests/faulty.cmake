# The store's module on a file system that goes wrong, for tests: faulty/emqx_store.so below this
# folder's build directory. It is not installed. What it does: fault_fs.hpp.
get_target_property(sources emqx_store SOURCES)
list(REMOVE_ITEM sources engine/store_env.cpp)
add_library(emqx_store_faulty MODULE ${sources}
  tests/faulty_store_env.cpp tests/faulty_env.cpp tests/failing_fs.cpp tests/lost_cache_fs.cpp)
_keel_plugin_compile(emqx_store_faulty)
_keel_plugin_link(emqx_store_faulty)
get_target_property(libraries emqx_store KEEL_PLUGIN_LIBRARIES)
target_link_libraries(emqx_store_faulty PRIVATE ${libraries})
get_target_property(definitions emqx_store COMPILE_DEFINITIONS)
target_compile_definitions(emqx_store_faulty PRIVATE ${definitions})
set_target_properties(emqx_store_faulty PROPERTIES OUTPUT_NAME emqx_store
  LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/faulty)
add_custom_command(TARGET emqx_store_faulty POST_BUILD
  COMMAND chmod go-w $<TARGET_FILE:emqx_store_faulty> VERBATIM)
