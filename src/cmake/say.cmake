# Run by testenv_page(): what PROGRAM says to ARGS (parted by '|') becomes OUT.
string(REPLACE "|" ";" args "${ARGS}")
execute_process(COMMAND ${PROGRAM} ${args} OUTPUT_FILE ${OUT}
  RESULT_VARIABLE code)
if(NOT code EQUAL 0)
  file(REMOVE ${OUT})
  message(FATAL_ERROR "${PROGRAM} ${args}: ${code}")
endif()
