# Runs at install time: puts a plugin's settings where the broker of this prefix looks for them. Settings
# that somebody changed stay, and the new ones are put beside, as <name>.conf.new.
# Expects keel_settings_file, keel_settings_name, CMAKE_INSTALL_PREFIX and, from the environment, DESTDIR.
if(CMAKE_INSTALL_PREFIX MATCHES "^/usr/?$")
  set(sysconf /etc)
else()
  set(sysconf "${CMAKE_INSTALL_PREFIX}/etc")
endif()
set(target "$ENV{DESTDIR}${sysconf}/keel/plugins/${keel_settings_name}")
file(READ "${keel_settings_file}" text)
# As in keel.conf: what the shipped file has below etc/ is in the prefix once installed.
string(REPLACE "\"etc/" "\"${sysconf}/keel/" text "${text}")
if(EXISTS "${target}")
  file(READ "${target}" present)
  if(NOT present STREQUAL text)
    message(STATUS "Keeping: ${target} (the shipped one is ${target}.new)")
    string(APPEND target .new)
  endif()
endif()
message(STATUS "Installing: ${target}")
file(WRITE "${target}" "${text}")
file(CHMOD "${target}" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
