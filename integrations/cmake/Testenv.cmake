# SPDX-License-Identifier: MIT
#[[
Tests of CTest with databases from testenv: find_package(testenv), or
include(Testenv) with this folder in CMAKE_MODULE_PATH. CMake 3.25.

  testenv_add_test(NAME name COMMAND command [arg...]
    [DB db] [MIGRATIONS dir] [OPTIONS option...] [SLOTS n]
    [WORKING_DIRECTORY dir])

adds a test, as add_test() does, whose process and its children have a database
of their own, fresh from the migrations, in DATABASE_URL and the other variables
of 'testenv exec'. Nobody else sees it, so plain 'ctest -jN' is right.

DB and MIGRATIONS are the options of those names, OPTIONS are more of them;
without DB the project's compose.yaml says it all. Tests that say the same share
one session, which the test testenv.up.ID starts ahead of the first and
testenv.down.ID ends after the last of them (fixtures: ctest adds them to any
selection). Without them, as with 'ctest -FA .*', each test starts its own.

SLOTS n makes n databases, and lets no more than n such tests run at a time, so
that none waits for a database while its TIMEOUT runs: with a resource
specification that a test of its own generates (CMake 3.28), else with n locks,
which the tests take by turns. A project with its own resource specification
sets TESTENV_RESOURCES to OFF before, for the locks.

A COMMAND may name a target, and everything has generator expressions, as in
add_test(). TESTENV_EXECUTABLE is the program.
]]
include_guard(GLOBAL)

find_program(TESTENV_EXECUTABLE testenv
  HINTS ${CMAKE_CURRENT_LIST_DIR}/../../../bin
        ${CMAKE_CURRENT_LIST_DIR}/../../../../bin
  DOC "the program testenv")
option(TESTENV_RESOURCES
  "Generate a resource specification for CTest where it can read one" ON)

# The fixture of a configuration; its two tests are made once in the project.
function(_testenv_fixture out where)
  string(SHA256 id "${CMAKE_CURRENT_BINARY_DIR};${where};${ARGN}")
  string(SUBSTRING ${id} 0 8 id)
  set(${out} testenv.${id} PARENT_SCOPE)
  get_property(known GLOBAL PROPERTY _TESTENV_${id})
  if(known)
    return()
  endif()
  set_property(GLOBAL PROPERTY _TESTENV_${id} 1)
  set(script ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/testenv-fixture.sh)
  set(note ${CMAKE_BINARY_DIR}/testenv/${id})
  # if ctest is killed, the session ends by itself
  add_test(NAME testenv.up.${id} WORKING_DIRECTORY ${where}
    COMMAND sh ${script} up ${note} ${TESTENV_EXECUTABLE} ${ARGN}
            --idle-timeout 10m)
  add_test(NAME testenv.down.${id} WORKING_DIRECTORY ${where}
    COMMAND sh ${script} down ${note} ${TESTENV_EXECUTABLE})
  set_tests_properties(testenv.up.${id} PROPERTIES
    FIXTURES_SETUP testenv.${id} TIMEOUT 900)
  set_tests_properties(testenv.down.${id} PROPERTIES
    FIXTURES_CLEANUP testenv.${id} TIMEOUT 120)
endfunction()

# The one test that generates the specification; it has no cost. Its types are
# known when all of the project has been read.
function(_testenv_spec)
  get_property(types GLOBAL PROPERTY _TESTENV_TYPES)
  set(lists)
  foreach(type ${types})
    get_property(slots GLOBAL PROPERTY _TESTENV_SLOTS_${type})
    set(ids)
    foreach(n RANGE 1 ${slots})
      list(APPEND ids "{\"id\": \"${n}\"}")
    endforeach()
    list(JOIN ids ", " ids)
    list(APPEND lists "\"${type}\": [${ids}]")
  endforeach()
  list(JOIN lists ",\n  " lists)
  file(WRITE ${CMAKE_BINARY_DIR}/testenv/resources.in
    "{\"version\": {\"major\": 1, \"minor\": 0}, \"local\": [{\n  ${lists}\n}]}\n")
endfunction()

function(_testenv_share test fixture slots)
  string(REPLACE "." "_" type ${fixture})
  if(NOT TESTENV_RESOURCES OR CMAKE_VERSION VERSION_LESS 3.28)
    get_property(turn GLOBAL PROPERTY _TESTENV_TURN_${type})
    math(EXPR turn "(0${turn} + 1) % ${slots}")
    set_property(GLOBAL PROPERTY _TESTENV_TURN_${type} ${turn})
    set_property(TEST ${test} APPEND PROPERTY RESOURCE_LOCK ${type}_${turn})
    return()
  endif()
  get_property(types GLOBAL PROPERTY _TESTENV_TYPES)
  if(NOT types)
    set(spec ${CMAKE_BINARY_DIR}/testenv/resources.json)
    add_test(NAME testenv.resources
      COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_BINARY_DIR}/testenv/resources.in
              ${spec})
    set_tests_properties(testenv.resources PROPERTIES
      FIXTURES_SETUP testenv.resources GENERATED_RESOURCE_SPEC_FILE ${spec})
    cmake_language(DEFER DIRECTORY ${CMAKE_SOURCE_DIR} CALL _testenv_spec)
  endif()
  if(NOT type IN_LIST types)
    set_property(GLOBAL APPEND PROPERTY _TESTENV_TYPES ${type})
    set_property(GLOBAL PROPERTY _TESTENV_SLOTS_${type} ${slots})
  endif()
  set_property(TEST ${test} APPEND PROPERTY RESOURCE_GROUPS ${type}:1)
  set_property(TEST ${test} APPEND PROPERTY FIXTURES_REQUIRED testenv.resources)
endfunction()

function(testenv_add_test)
  if(NOT TESTENV_EXECUTABLE)
    message(FATAL_ERROR "the program 'testenv' was not found; "
      "set TESTENV_EXECUTABLE to its path")
  endif()
  cmake_parse_arguments(PARSE_ARGV 0 T ""
    "NAME;DB;MIGRATIONS;SLOTS;WORKING_DIRECTORY" "COMMAND;OPTIONS")
  if(NOT T_NAME OR NOT T_COMMAND OR T_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "testenv_add_test: NAME and COMMAND are needed, and "
      "'${T_UNPARSED_ARGUMENTS}' is not known")
  endif()
  if(DEFINED T_SLOTS AND NOT T_SLOTS MATCHES "^[1-9][0-9]?[0-9]?$")
    message(FATAL_ERROR "testenv_add_test: SLOTS '${T_SLOTS}' is no number")
  endif()
  # a configuration of flags is the build's; a file's is the project's
  set(where ${CMAKE_CURRENT_SOURCE_DIR})
  set(options ${T_OPTIONS})
  if(T_DB)
    set(where ${CMAKE_CURRENT_BINARY_DIR})
    list(PREPEND options --db ${T_DB})
  endif()
  if(T_MIGRATIONS)
    file(REAL_PATH ${T_MIGRATIONS} dir BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    list(APPEND options --migrations ${dir})
  endif()
  if(T_SLOTS)
    list(APPEND options --workers ${T_SLOTS})
  endif()
  get_filename_component(dir "${T_WORKING_DIRECTORY}" ABSOLUTE
    BASE_DIR ${CMAKE_CURRENT_BINARY_DIR})
  list(POP_FRONT T_COMMAND program)
  if(TARGET ${program})
    set(program $<TARGET_FILE:${program}>)
  endif()
  # exec and up have to agree on the folder: two configurations are the same
  # only in the same; so the test goes to its own after exec
  add_test(NAME ${T_NAME} WORKING_DIRECTORY ${where}
    COMMAND ${TESTENV_EXECUTABLE} exec --quiet ${options} -- sh -c
            "cd \"$1\" && shift && exec \"$@\"" sh ${dir}
            ${program} ${T_COMMAND})
  _testenv_fixture(fixture ${where} ${options})
  set_property(TEST ${T_NAME} APPEND PROPERTY FIXTURES_REQUIRED ${fixture})
  if(T_SLOTS)
    _testenv_share(${T_NAME} ${fixture} ${T_SLOTS})
  endif()
endfunction()
