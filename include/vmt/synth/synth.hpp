// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Renders top-view video of any performance with its complete truth: `renderer`, `options`, presets, exercises.

#include <vmt/synth/exercises.hpp>
#include <vmt/synth/no_keyboard.hpp>
#include <vmt/synth/presets.hpp>
#include <vmt/synth/renderer.hpp>
