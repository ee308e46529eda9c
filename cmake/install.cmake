# SPDX-License-Identifier: MIT
# Installs the headers, a CMake package and a pkg-config file. Nothing depends on the architecture.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(vmt_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/vmt)
if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.23)
  install(TARGETS vmt_headers EXPORT vmtTargets FILE_SET HEADERS)
else()
  install(TARGETS vmt_headers EXPORT vmtTargets)
  install(DIRECTORY include/vmt DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
endif()
install(DIRECTORY include/vmt DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.cuh")
install(EXPORT vmtTargets NAMESPACE vmt:: DESTINATION ${vmt_package_dir})

configure_package_config_file(cmake/vmtConfig.cmake.in vmtConfig.cmake INSTALL_DESTINATION ${vmt_package_dir})
write_basic_package_version_file(vmtConfigVersion.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/vmtConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/vmtConfigVersion.cmake"
              cmake/vmtDependencies.cmake cmake/vmtStb.cmake cmake/stb.cpp
        DESTINATION ${vmt_package_dir})

# The way from the .pc file to the prefix, so that an installed tree may be moved.
file(RELATIVE_PATH vmt_pc_to_prefix "/${CMAKE_INSTALL_DATADIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" vmt_pc_to_prefix "${vmt_pc_to_prefix}")
set(vmt_pc_includedir ${CMAKE_INSTALL_INCLUDEDIR})
configure_file(cmake/vmt.pc.in vmt.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/vmt.pc" DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
