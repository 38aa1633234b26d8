# The warnings every target is built with, each with what it has to catch.
# gcc 12 and clang 14 both know all of them; they are errors in CI only, so
# that a newer compiler never stops a user's build.
add_library(testenv_flags INTERFACE)
target_compile_definitions(testenv_flags INTERFACE
  _GNU_SOURCE                  # pidfd, copy_file_range, accept4, O_TMPFILE
  TESTENV_VERSION="${PROJECT_VERSION}"
  TESTENV_LIBDIR="${CMAKE_INSTALL_LIBDIR}")
target_compile_options(testenv_flags INTERFACE
  -Wall -Wextra                # the usual suspects
  -Wpedantic                   # C11, not one compiler's dialect of it
  -Wshadow                     # a second `err` that hides the first
  -Wconversion                 # lengths and ports cut to a smaller type
  -Wno-sign-conversion         # int <-> size_t of small counts: noise
  -Wformat=2                   # format strings that are not literals
  -Wstrict-prototypes          # f() that takes anything
  -Wmissing-prototypes         # a global function that should be static
  -Wold-style-definition       # the same, for definitions
  -Wvla                        # stack use that input decides
  -Wundef                      # a misspelt macro in #if is 0 silently
  -Wwrite-strings              # a literal is const
  -Wcast-qual                  # const cast away
  -Wpointer-arith              # arithmetic on void *
  -Wimplicit-fallthrough       # a forgotten break
  # a guess across calls, wrong for outputs written only on success; clang's
  # own analysis and the sanitizers stay
  $<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  -fno-omit-frame-pointer      # stacks that perf and sanitizers can walk
  -fstack-protector-strong)
if(TESTENV_WERROR)
  target_compile_options(testenv_flags INTERFACE -Werror)
endif()
if(TESTENV_SANITIZE)
  target_compile_options(testenv_flags INTERFACE
    -fsanitize=${TESTENV_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(testenv_flags INTERFACE -fsanitize=${TESTENV_SANITIZE})
else()
  target_compile_options(testenv_flags INTERFACE
    $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
endif()
target_link_options(testenv_flags INTERFACE -Wl,--as-needed -Wl,-z,relro)
target_include_directories(testenv_flags INTERFACE
  ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
