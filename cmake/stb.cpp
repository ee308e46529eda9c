// SPDX-License-Identifier: MIT
// The one translation unit that holds stb_image.
#define VMT_STB_IMPLEMENTATION
#include <vmt/media/stb.hpp>
