# SPDX-License-Identifier: MIT
# vmt::stb: a static library with the one translation unit that implements <vmt/media/stb.hpp>. It is compiled in the
# user's own build, also from an installed vmt: with the user's flags, and the package holds no binaries.
# Where stb_image.h is not found, there is no such target.

if(NOT TARGET vmt::stb)
  find_path(VMT_STB_INCLUDE_DIR NAMES stb/stb_image.h stb_image.h PATH_SUFFIXES stb
            DOC "Folder of stb/stb_image.h or stb_image.h")
  mark_as_advanced(VMT_STB_INCLUDE_DIR)
  if(VMT_STB_INCLUDE_DIR)
    add_library(vmt_stb STATIC EXCLUDE_FROM_ALL "${CMAKE_CURRENT_LIST_DIR}/stb.cpp")
    add_library(vmt::stb ALIAS vmt_stb)
    set_target_properties(vmt_stb PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_include_directories(vmt_stb SYSTEM PRIVATE "${VMT_STB_INCLUDE_DIR}")
    target_link_libraries(vmt_stb PUBLIC vmt::vmt)
  endif()
endif()
