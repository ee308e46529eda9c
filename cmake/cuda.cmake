# SPDX-License-Identifier: MIT
# vmt::cuda: what a .cu file links that uses vmt. The architectures stay the user's choice (CMAKE_CUDA_ARCHITECTURES).
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  message(FATAL_ERROR "vmt: VMT_ENABLE_CUDA is on, but no CUDA compiler was found; set CMAKE_CUDA_COMPILER")
endif()
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)

add_library(vmt_cuda INTERFACE)
add_library(vmt::cuda ALIAS vmt_cuda)
if("cuda_std_20" IN_LIST CMAKE_CUDA_COMPILE_FEATURES)
  target_compile_features(vmt_cuda INTERFACE cuda_std_20)
else() # CMake 3.25 does not know that nvcc 12 and later have it
  target_compile_options(vmt_cuda INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20>)
endif()
# Without it Eigen switches its vector code off under nvcc and no longer agrees with the .cpp files of the program.
target_compile_definitions(vmt_cuda INTERFACE EIGEN_NO_CUDA)
target_link_libraries(vmt_cuda INTERFACE vmt::vmt CUDA::cudart CUDA::cublas)
