# SPDX-License-Identifier: MIT
# How the programs of this repository (tests, examples, benchmarks) are made. Nothing here reaches a user's target.

file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/warnings.txt" vmt_warning_flags)
set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY
             CMAKE_CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/warnings.txt")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  set(vmt_false_alarms -Wno-restrict) # in std::string, GCC bug 105651
endif()
list(APPEND vmt_warning_flags ${vmt_false_alarms})
add_library(vmt_warnings INTERFACE)
target_compile_options(vmt_warnings INTERFACE "$<$<COMPILE_LANG_AND_ID:CXX,GNU,Clang,AppleClang>:${vmt_warning_flags}>")

# nvcc has no flag for each of these; its own warnings are errors, and the host compiler's usual ones are on.
set(vmt_cuda_warnings
    "$<$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>:-Xcompiler=$<JOIN:-Wall;-Wextra;${vmt_false_alarms},$<COMMA>>>"
    "$<$<AND:$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>,$<BOOL:${CMAKE_COMPILE_WARNING_AS_ERROR}>>:--Werror=all-warnings>")

# Drops from the list `files` those that need stb where stb is missing; sets `dropped`.
function(vmt_without_stb files dropped)
  set(left_out "")
  if(NOT TARGET vmt::stb)
    foreach(file IN LISTS ${files})
      file(STRINGS "${file}" uses REGEX "#include <vmt/media/stb\\.hpp>")
      if(uses)
        list(APPEND left_out "${file}")
      endif()
    endforeach()
  endif()
  if(left_out)
    list(REMOVE_ITEM ${files} ${left_out})
    message(STATUS "vmt: stb_image.h is missing (Debian: libstb-dev), left out: ${left_out}")
  endif()
  set(${files} "${${files}}" PARENT_SCOPE)
  set(${dropped} "${left_out}" PARENT_SCOPE)
endfunction()

# A program from sources, with the warnings on.
function(vmt_add_program name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE vmt::vmt vmt_warnings)
  if(TARGET vmt::stb)
    target_link_libraries(${name} PRIVATE vmt::stb)
  endif()
endfunction()
