// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// All operations.

#include <vmt/ops/activation.hpp>
#include <vmt/ops/aggregate.hpp>
#include <vmt/ops/arrange.hpp>
#include <vmt/ops/batch_norm.hpp>
#include <vmt/ops/conv2d.hpp>
#include <vmt/ops/conv2d_norm.hpp>
#include <vmt/ops/dropout.hpp>
#include <vmt/ops/frame_stem.hpp>
#include <vmt/ops/gradients.hpp>
#include <vmt/ops/linear.hpp>
#include <vmt/ops/optimise.hpp>
#include <vmt/ops/pool2d.hpp>
#include <vmt/ops/rows.hpp>
#include <vmt/ops/sample_columns.hpp>
#include <vmt/ops/window_input.hpp>
