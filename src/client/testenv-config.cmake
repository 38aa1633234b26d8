# find_package(testenv): testenv::testenv (shared), testenv::testenv-static.
include(${CMAKE_CURRENT_LIST_DIR}/testenv-targets.cmake)
