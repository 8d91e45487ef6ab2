# Runs at install time: settings, certificates' folder, data folder and systemd unit, with the paths of
# the prefix chosen then. Below /usr they are /etc and /var, as the distribution wants them.
# Expects KEEL_SOURCE_DIR, CMAKE_INSTALL_PREFIX and, from the environment, DESTDIR.
if(CMAKE_INSTALL_PREFIX MATCHES "^/usr/?$")
  set(sysconf /etc)
  set(state /var)
else()
  set(sysconf ${CMAKE_INSTALL_PREFIX}/etc)
  set(state ${CMAKE_INSTALL_PREFIX}/var)
endif()
set(root "$ENV{DESTDIR}")
set(data_dir ${state}/lib/keel)

# Writes `text` to `file` with the given permissions; settings that somebody changed stay, and the new ones are put beside.
function(keel_write file text keep)
  if(keep AND EXISTS ${root}${file})
    file(READ ${root}${file} present)
    if(NOT present STREQUAL text)
      message(STATUS "Keeping: ${root}${file} (the shipped one is ${file}.new)")
      string(APPEND file .new)
    endif()
  endif()
  message(STATUS "Installing: ${root}${file}")
  file(WRITE ${root}${file} "${text}")
  file(CHMOD ${root}${file} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endfunction()

file(READ ${KEEL_SOURCE_DIR}/etc/keel.conf conf)
# The shipped file shows the default, which counts from the working directory; installed, it is set.
string(REGEX REPLACE "\n(# *)?data_dir *= *\"data\"" "\ndata_dir = \"${data_dir}\"" conf "${conf}")
string(FIND "${conf}" "\ndata_dir = \"${data_dir}\"" found)
if(found EQUAL -1)
  message(FATAL_ERROR "etc/keel.conf has no line `data_dir = \"data\"` to put ${data_dir} into")
endif()
string(REPLACE "\"etc/" "\"${sysconf}/keel/" conf "${conf}")
string(REPLACE "\"log/" "\"${state}/log/keel/" conf "${conf}")
keel_write(${sysconf}/keel/keel.conf "${conf}" TRUE)

file(MAKE_DIRECTORY ${root}${sysconf}/keel/plugins ${root}${sysconf}/keel/certs ${root}${data_dir})
file(CHMOD ${root}${sysconf}/keel/certs ${root}${data_dir}
  PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE)

set(KEEL_BINDIR ${CMAKE_INSTALL_PREFIX}/bin)
set(KEEL_CONF ${sysconf}/keel/keel.conf)
set(KEEL_DATA_DIR ${data_dir})
foreach(file keel.service keel.sysusers)
  file(READ ${KEEL_SOURCE_DIR}/tools/systemd/${file}.in text)
  string(CONFIGURE "${text}" text @ONLY)
  if(file STREQUAL keel.service)
    keel_write(${CMAKE_INSTALL_PREFIX}/lib/systemd/system/keel.service "${text}" FALSE)
  else()
    keel_write(${CMAKE_INSTALL_PREFIX}/lib/sysusers.d/keel.conf "${text}" FALSE)
  endif()
endforeach()
