# SPDX-License-Identifier: MIT
# Finds what vmt::vmt links: Eigen 3.4 or 5, and threads. Used by the build and by the installed package.
# Sets vmt_missing to a sentence where something is not there.

set(vmt_missing "")

# Eigen 3.4.0 refuses version ranges and Eigen 5 refuses "3.4", so each way of asking is tried.
foreach(vmt_eigen_version IN ITEMS 3.4...5 3.4 5)
  if(NOT TARGET Eigen3::Eigen)
    find_package(Eigen3 ${vmt_eigen_version} CONFIG QUIET)
  endif()
endforeach()
if(NOT TARGET Eigen3::Eigen)
  set(vmt_missing "Eigen 3.4 or newer was not found; install it (Debian: libeigen3-dev) or set Eigen3_DIR")
endif()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads QUIET)
if(NOT TARGET Threads::Threads)
  set(vmt_missing "no thread library was found")
endif()
