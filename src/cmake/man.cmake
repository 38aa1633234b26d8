# testenv_pages(PROGRAM): manual pages and completion scripts, written by the
# program itself, so that they cannot disagree with it.
set(TESTENV_SAY ${CMAKE_CURRENT_LIST_DIR}/say.cmake)

function(testenv_page program out)
  string(JOIN "|" args ${ARGN})
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:${program}> -DARGS=${args}
            -DOUT=${out} -P ${TESTENV_SAY}
    DEPENDS ${program} ${TESTENV_SAY}
    VERBATIM)
endfunction()

function(testenv_pages program)
  if(CMAKE_CROSSCOMPILING)
    return()
  endif()
  set(table ${PROJECT_SOURCE_DIR}/src/cli/command.h)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${table})
  file(READ ${table} text)
  string(REGEX MATCHALL "\tX\\([a-z_]+\\)" rows "${text}")
  set(man ${PROJECT_BINARY_DIR}/man)
  set(completion ${PROJECT_BINARY_DIR}/completion)
  file(MAKE_DIRECTORY ${man} ${completion})

  set(pages ${man}/testenv.1)
  testenv_page(${program} ${man}/testenv.1 help --man testenv)
  foreach(row ${rows})
    string(REGEX REPLACE "\tX\\(([a-z_]+)\\)" "\\1" name "${row}")
    string(REPLACE "_" "-" name ${name})
    testenv_page(${program} ${man}/testenv-${name}.1 help --man ${name})
    list(APPEND pages ${man}/testenv-${name}.1)
  endforeach()
  foreach(shell bash zsh fish)
    testenv_page(${program} ${completion}/${shell} completion ${shell})
    list(APPEND scripts ${completion}/${shell})
  endforeach()
  add_custom_target(pages ALL DEPENDS ${pages} ${scripts})

  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES ${completion}/bash RENAME testenv
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${completion}/zsh RENAME _testenv
    DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES ${completion}/fish RENAME testenv.fish
    DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endfunction()
