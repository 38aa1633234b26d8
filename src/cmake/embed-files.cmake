# Run by testenv_embed(): writes OUT from the files under DIR.
file(GLOB_RECURSE files RELATIVE ${DIR} ${DIR}/*)
list(SORT files)
set(arrays "")
set(table "")
set(n 0)
foreach(f ${files})
  file(READ ${DIR}/${f} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
  execute_process(COMMAND test -x ${DIR}/${f} RESULT_VARIABLE not_executable)
  if(not_executable)
    set(mode 0644)
  else()
    set(mode 0755)
  endif()
  string(APPEND arrays
    "static const unsigned char file_${n}[] = {${bytes}0};\n")
  string(APPEND table
    "\t{\"${f}\", file_${n}, sizeof(file_${n}) - 1, ${mode}},\n")
  math(EXPR n "${n}+1")
endforeach()
file(WRITE ${OUT}
  "/* made by src/cmake/embed-files.cmake */\n#include \"provider/embedded.h\"\n\n"
  "${arrays}\nconst struct embedded_file ${SYMBOL}[] = {\n${table}"
  "\t{0, 0, 0, 0},\n};\n")
