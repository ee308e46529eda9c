// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// All layers, initialisation, Adam.

#include <vmt/nn/adam.hpp>
#include <vmt/nn/aggregation.hpp>
#include <vmt/nn/basic_block.hpp>
#include <vmt/nn/batch_norm.hpp>
#include <vmt/nn/clip_norm.hpp>
#include <vmt/nn/conv2d.hpp>
#include <vmt/nn/conv_norm.hpp>
#include <vmt/nn/copy_weights.hpp>
#include <vmt/nn/cosine.hpp>
#include <vmt/nn/frame_stem.hpp>
#include <vmt/nn/init.hpp>
#include <vmt/nn/linear.hpp>
#include <vmt/nn/plateau.hpp>
#include <vmt/nn/slope_module.hpp>
#include <vmt/nn/stateless.hpp>
#include <vmt/nn/temporal_block.hpp>
