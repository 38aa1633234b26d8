# testenv_embed(OUT DIR): one C file that holds every file under DIR, so that
# the program needs nothing beside itself. See src/provider/embedded.h.
function(testenv_embed out dir symbol)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${dir}/*)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DDIR=${dir} -DSYMBOL=${symbol}
            -P ${PROJECT_SOURCE_DIR}/src/cmake/embed-files.cmake
    DEPENDS ${files} ${PROJECT_SOURCE_DIR}/src/cmake/embed-files.cmake
    VERBATIM)
endfunction()
