// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Every operation on a device, for any runtime: `cuda.cuh` adds the real one, `simulated.hpp` one for tests.

#include <vmt/backend/cuda/arrange.hpp>
#include <vmt/backend/cuda/conv2d.hpp>
#include <vmt/backend/cuda/elementwise.hpp>
#include <vmt/backend/cuda/frame_stem.hpp>
#include <vmt/backend/cuda/fused.hpp>
#include <vmt/backend/cuda/linear.hpp>
#include <vmt/backend/cuda/loss.hpp>
#include <vmt/backend/cuda/norm.hpp>
#include <vmt/backend/cuda/pool2d.hpp>
#include <vmt/backend/cuda/window_input.hpp>
