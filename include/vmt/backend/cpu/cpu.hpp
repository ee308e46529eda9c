// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The CPU backend: `cpu_context` and its overloads of the operations. What is missing here runs on `ops::generic`.

#include <vmt/backend/cpu/by_channel.hpp>
#include <vmt/backend/cpu/conv2d.hpp>
#include <vmt/backend/cpu/elementwise.hpp>
#include <vmt/backend/cpu/frame_stem.hpp>
#include <vmt/backend/cpu/key_columns.hpp>
#include <vmt/backend/cpu/linear.hpp>
