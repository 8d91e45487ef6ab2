# How a plugin is built: keel_add_plugin() and keel_plugin_test(). Comes with find_package(keel CONFIG);
# the plugins in the source tree use the same file.
#
#   keel_add_plugin(NAME
#     SOURCES file...           C or C++
#     VERSION 1.2.3             the version its source must state; also defined as KEEL_PLUGIN_VERSION
#     [SETTINGS file.conf]      its settings with the defaults, installed as etc/keel/plugins/NAME.conf
#     [LIBRARIES target...]     what it links
#     [TESTS file...]           each becomes a program and a ctest entry, see keel_plugin_test(): system_test.cpp
#                               is NAME.system, NAME_test.cpp is NAME.unit
#     [CHECK_SETTINGS file]     settings for NAME.check instead of SETTINGS
#     [REQUIRES plugin...]      plugins (targets or .so files) that must be loaded before it
#     [OUTPUT dir]              where NAME.so goes; default: plugins/ below the build directory
#     [NO_INSTALL])             for examples and tests
#
# makes the module NAME.so and the ctest entry NAME.check, which loads and unloads it 100 times in a
# broker of its own. After each link `plugin_check --lint` looks for what keeps a plugin from being
# unloaded, and fails the build. KEEL_SANITIZE, as in "address,undefined" or "thread", instruments
# plugin and tests; a broker that loads such a plugin must be built with the same sanitizer.
#
#   keel_plugin_test(TEST PLUGIN name SOURCES file... [LIBRARIES target...])
#
# makes a doctest program of these files and of the plugin's own objects, so that it can run the plugin
# on keel::FakeHost, and ctest entry TEST. KEEL_PLUGIN_TEST_PCH may name a target whose precompiled header
# it takes. For tests on a real broker it knows KEEL_TEST_PLUGIN (the
# built .so), KEEL_TEST_BROKER and KEEL_TEST_CTL. Without doctest it is left out, with a message.

#   keel_plugin_library(NAME SOURCES file... [LIBRARIES target...])
#
# makes a static library for plugins to link: what several of them share, or the part of one that tests
# and fuzzers look at alone. It is compiled like a plugin; LIBRARIES pass to whoever links it.

# Flags of every plugin and every test of one.
function(_keel_plugin_compile target)
  target_link_libraries(${target} PRIVATE keel::sdk)
  if(CMAKE_CXX_COMPILER_LOADED)
    target_compile_features(${target} PRIVATE cxx_std_20)
  endif()
  if(CMAKE_C_COMPILER_LOADED)
    target_compile_features(${target} PRIVATE c_std_11)
  endif()
  if(KEEL_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${KEEL_SANITIZE} -fno-sanitize-recover=all
      -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE -fsanitize=${KEEL_SANITIZE})
  endif()
endfunction()

function(_keel_plugin_link target)
  set(map ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/keel-plugin.map)
  target_link_options(${target} PRIVATE
    "LINKER:--version-script=${map}" "LINKER:-z,now" "LINKER:-z,relro")
  set_target_properties(${target} PROPERTIES
    PREFIX "" SUFFIX ".so"
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS ${map})
  # Clang leaves the sanitizers' functions to the program that loads the plugin.
  if(NOT (KEEL_SANITIZE AND "${CMAKE_C_COMPILER_ID}${CMAKE_CXX_COMPILER_ID}" MATCHES "Clang"))
    target_link_options(${target} PRIVATE "LINKER:--no-undefined")
  endif()
  # Symbols that the loader keeps one copy of for all keep their library mapped. Clang makes none.
  target_compile_options(${target} PRIVATE
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fno-gnu-unique>)
endfunction()

# The lint after each link, and permissions that the broker accepts: writable by the owner alone.
function(_keel_plugin_lint name version)
  add_custom_command(TARGET ${name} POST_BUILD
    COMMAND chmod go-w $<TARGET_FILE:${name}>
    COMMAND keel::plugin_check --lint $<TARGET_FILE:${name}> --name ${name} --version ${version}
    VERBATIM)
endfunction()

function(_keel_plugin_check name settings requires)
  set(arguments)
  if(settings)
    list(APPEND arguments --settings ${settings})
  endif()
  foreach(other IN LISTS requires)
    if(TARGET ${other})
      list(APPEND arguments --with $<TARGET_FILE:${other}>)
    else()
      list(APPEND arguments --with ${other})
    endif()
  endforeach()
  add_test(NAME ${name}.check
    COMMAND keel::plugin_check $<TARGET_FILE:${name}> --broker $<TARGET_FILE:keel::keel> ${arguments})
  set_tests_properties(${name}.check PROPERTIES TIMEOUT 300 LABELS plugin)
endfunction()

# Settings that somebody changed survive the next install; see KeelInstallSettings.cmake.
function(_keel_plugin_install name settings)
  install(TARGETS ${name} LIBRARY DESTINATION lib/keel/plugins
    PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  if(settings)
    install(CODE "set(keel_settings_file \"${settings}\")\nset(keel_settings_name ${name}.conf)")
    install(SCRIPT ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/KeelInstallSettings.cmake)
  endif()
endfunction()

function(keel_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "NO_INSTALL" "VERSION;SETTINGS;CHECK_SETTINGS;OUTPUT"
    "SOURCES;LIBRARIES;TESTS;REQUIRES")
  if(NOT name MATCHES "^[a-z][a-z0-9_]*$")
    message(FATAL_ERROR "keel_add_plugin: '${name}' is no name of a plugin: "
      "small letters, digits and _, beginning with a letter")
  endif()
  string(LENGTH ${name} length)
  if(length GREATER 31)
    message(FATAL_ERROR "keel_add_plugin(${name}): the name may have 31 letters, it has ${length}")
  endif()
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "keel_add_plugin(${name}): unknown argument '${ARG_UNPARSED_ARGUMENTS}'")
  endif()
  if(NOT ARG_SOURCES OR NOT ARG_VERSION)
    message(FATAL_ERROR "keel_add_plugin(${name}): SOURCES and VERSION are needed")
  endif()
  foreach(kind SETTINGS CHECK_SETTINGS)
    if(ARG_${kind})
      cmake_path(ABSOLUTE_PATH ARG_${kind})
      if(NOT EXISTS ${ARG_${kind}})
        message(FATAL_ERROR "keel_add_plugin(${name}): ${kind} names ${ARG_${kind}}, which is not there")
      endif()
    endif()
  endforeach()
  if(NOT ARG_OUTPUT)
    set(ARG_OUTPUT ${CMAKE_BINARY_DIR}/plugins)
  endif()

  add_library(${name} MODULE ${ARG_SOURCES})
  _keel_plugin_compile(${name})
  _keel_plugin_link(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES})
  target_compile_definitions(${name} PRIVATE
    KEEL_PLUGIN_NAME="${name}" KEEL_PLUGIN_VERSION="${ARG_VERSION}")
  set_target_properties(${name} PROPERTIES
    LIBRARY_OUTPUT_DIRECTORY ${ARG_OUTPUT} KEEL_PLUGIN_LIBRARIES "${ARG_LIBRARIES}")
  _keel_plugin_lint(${name} ${ARG_VERSION})

  if(ARG_SETTINGS)
    # Beside the build's plugins, where a broker started from there can be pointed to.
    configure_file(${ARG_SETTINGS} ${ARG_OUTPUT}/../etc/plugins/${name}.conf COPYONLY)
  endif()
  if(NOT ARG_NO_INSTALL)
    _keel_plugin_install(${name} "${ARG_SETTINGS}")
  endif()
  if(NOT DEFINED BUILD_TESTING OR BUILD_TESTING)
    if(NOT ARG_CHECK_SETTINGS)
      set(ARG_CHECK_SETTINGS ${ARG_SETTINGS})
    endif()
    _keel_plugin_check(${name} "${ARG_CHECK_SETTINGS}" "${ARG_REQUIRES}")
    foreach(file IN LISTS ARG_TESTS)
      cmake_path(GET file STEM area)
      string(REGEX REPLACE "_test$" "" area ${area})
      if(area STREQUAL name)
        set(area unit)
      endif()
      # On keel::FakeHost everything is one thread: ThreadSanitizer would find nothing.
      if(area MATCHES "${KEEL_PLUGIN_TESTS}" AND (NOT KEEL_SANITIZE STREQUAL "thread" OR area STREQUAL "system"))
        keel_plugin_test(${name}.${area} PLUGIN ${name} SOURCES ${file})
      endif()
    endforeach()
  endif()
endfunction()

function(keel_plugin_library name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;LIBRARIES")
  if(NOT ARG_SOURCES OR ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "keel_plugin_library(${name}): SOURCES are needed, and LIBRARIES the only other argument")
  endif()
  add_library(${name} STATIC ${ARG_SOURCES})
  _keel_plugin_compile(${name})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${name} PRIVATE
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fno-gnu-unique>)
  target_link_libraries(${name} PUBLIC keel::sdk ${ARG_LIBRARIES})
  target_include_directories(${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/..)
endfunction()

# What is compiled once for all the tests of a project: doctest's main(), and the functions of keel::FakeHost,
# see keel/fake/impl/fn.hpp. Each takes longer than most tests.
function(_keel_plugin_test_library name source)
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/${name}.cpp CONTENT "${source}")
  add_library(${name} STATIC ${CMAKE_BINARY_DIR}/${name}.cpp)
  _keel_plugin_compile(${name})
  target_compile_options(${name} PRIVATE -O0)
endfunction()
function(_keel_plugin_test_libraries)
  if(TARGET keel_plugin_test_main)
    return()
  endif()
  _keel_plugin_test_library(keel_plugin_test_main
    "#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN\n#include <doctest/doctest.h>\n")
  target_link_libraries(keel_plugin_test_main PRIVATE doctest::doctest)
  _keel_plugin_test_library(keel_plugin_test_fake "#define KEEL_FAKE_SOURCE\n#include <keel/fake.hpp>\n")
  target_compile_definitions(keel_plugin_test_fake PUBLIC KEEL_FAKE_SEPARATE)
endfunction()

function(keel_plugin_test test)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "PLUGIN" "SOURCES;LIBRARIES")
  if(NOT TARGET "${ARG_PLUGIN}" OR NOT ARG_SOURCES OR ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "keel_plugin_test(${test}): PLUGIN (of keel_add_plugin) and SOURCES are needed")
  endif()
  find_package(doctest QUIET)
  if(NOT doctest_FOUND)
    message(STATUS "${test} is left out: doctest was not found (Debian: apt install doctest-dev)")
    return()
  endif()
  string(REPLACE "." "_" target ${test})
  _keel_plugin_test_libraries()
  add_executable(${target} ${ARG_SOURCES} $<TARGET_OBJECTS:${ARG_PLUGIN}>)
  _keel_plugin_compile(${target})
  # Most of the time goes into the headers' functions, which need not be fast here.
  target_compile_options(${target} PRIVATE -O0)
  if(KEEL_PLUGIN_TEST_PCH)
    target_precompile_headers(${target} REUSE_FROM ${KEEL_PLUGIN_TEST_PCH})
  endif()
  find_package(Threads REQUIRED)
  target_link_libraries(${target} PRIVATE keel_plugin_test_main keel_plugin_test_fake doctest::doctest
    Threads::Threads ${ARG_LIBRARIES}
    $<TARGET_PROPERTY:${ARG_PLUGIN},KEEL_PLUGIN_LIBRARIES>)
  target_compile_definitions(${target} PRIVATE
    KEEL_PLUGIN_NAME="${ARG_PLUGIN}"
    KEEL_TEST_PLUGIN="$<TARGET_FILE:${ARG_PLUGIN}>"
    KEEL_TEST_BROKER="$<TARGET_FILE:keel::keel>"
    KEEL_TEST_CTL="$<TARGET_FILE:keel::ctl>")
  add_dependencies(${target} ${ARG_PLUGIN})
  add_test(NAME ${test} COMMAND ${target})
  set_tests_properties(${test} PROPERTIES TIMEOUT 600 LABELS plugin)
endfunction()
