# find_package(testenv): testenv::testenv (shared), testenv::testenv-static,
# and testenv_add_test().
include(${CMAKE_CURRENT_LIST_DIR}/testenv-targets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/Testenv.cmake)
