# What `cmake --install` lays out:
#   bin/{keel,ctl,emqx_ctl,plugin_check}  lib/keel/plugins  share/man  share/bash-completion
#   include/keel  lib/cmake/keel  share/keel/templates: what plugins are made with
#   etc/keel, var/lib/keel and the systemd unit (see InstallSettings.cmake)
# The plain `lib` is meant: the broker looks for ../lib/keel/plugins from its own place.
include(CMakePackageConfigHelpers)

foreach(program keel ctl plugin_check)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION bin)
  endif()
endforeach()

# A second name for something installed; DESTDIR and the prefix are known only when that is done.
function(keel_install_link folder name target)
  install(CODE "file(CREATE_LINK ${target} \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${folder}/${name}\" SYMBOLIC)")
endfunction()
if(TARGET ctl)
  keel_install_link(bin emqx_ctl ctl)
endif()

install(DIRECTORY DESTINATION lib/keel/plugins)  # the plugins install themselves, see KeelPlugin.cmake

# The SDK. Its version is that of the boundary, whatever the broker's own is.
install(DIRECTORY ${CMAKE_SOURCE_DIR}/sdk/include/ DESTINATION include PATTERN draft EXCLUDE)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/sdk/templates DESTINATION share/keel)
set(KEEL_INCLUDE include)
set(KEEL_PLUGINS lib/keel/plugins)
set(KEEL_BIN bin)
configure_package_config_file(${CMAKE_SOURCE_DIR}/sdk/cmake/keel-config.cmake.in
  ${CMAKE_BINARY_DIR}/keel-config.cmake INSTALL_DESTINATION lib/cmake/keel
  PATH_VARS KEEL_INCLUDE KEEL_PLUGINS KEEL_BIN)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/keel-config-version.cmake
  VERSION ${KEEL_ABI_VERSION} COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_BINARY_DIR}/keel-config.cmake ${CMAKE_BINARY_DIR}/keel-config-version.cmake
  sdk/cmake/KeelPlugin.cmake sdk/cmake/KeelInstallSettings.cmake sdk/cmake/keel-plugin.map
  DESTINATION lib/cmake/keel)

foreach(section 1 5 7 8)
  file(GLOB pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tools/man/*.${section})
  install(FILES ${pages} DESTINATION share/man/man${section})
endforeach()

set(completions share/bash-completion/completions)
install(FILES tools/completion/ctl.bash DESTINATION ${completions} RENAME ctl)
keel_install_link(${completions} emqx_ctl ctl)
keel_install_link(${completions} keel ctl)

install(CODE "set(KEEL_SOURCE_DIR \"${CMAKE_SOURCE_DIR}\")")
install(SCRIPT tools/cmake/InstallSettings.cmake)
