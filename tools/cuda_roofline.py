#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The roofline of the CUDA backend on paper: operations and bytes of each kernel of `onset_net` (slope, width 64) and of
the live `key_net`, and the time that a device needs at least, max(operations / peak, bytes / bandwidth). Nothing here
was measured.

    cuda_roofline.py [--batch N] [--device h100]      Markdown tables: streamed frames, and a training step
"""
import argparse

# Published peaks of dense products and of memory: FLOP/s by arithmetic, bytes/s, multiprocessors.
DEVICES = {"h100": {"f32": 67e12, "tf32": 494e12, "bf16": 989e12, "bandwidth": 3.35e12, "name": "H100 SXM (sm_90)"}}
FLOAT = 4
# Bytes of a number of a map of `onset_net` by arithmetic: what lies between its layers, and the gradients there.
MAPS = {"f32": FLOAT, "tf32": FLOAT, "bf16": 2}


class Conv:
    def __init__(self, name, images, c, h, w, k, kernel, stride, padding, maps, frames=False):
        self.name, self.images, self.c, self.h, self.w, self.k, self.kernel = name, images, c, h, w, k, kernel
        self.maps, self.input = maps, FLOAT if frames else maps
        self.oh, self.ow = ((s + 2 * padding - kernel) // stride + 1 for s in (h, w))

    @property
    def operations(self):
        return 2 * self.images * self.k * self.oh * self.ow * self.c * self.kernel ** 2

    @property
    def x(self):
        return self.images * self.c * self.h * self.w * self.input

    @property
    def y(self):
        return self.images * self.k * self.oh * self.ow * self.maps

    @property
    def weight(self):
        return self.k * self.c * self.kernel ** 2 * FLOAT


def layers(batch, frames, maps, w=64):
    """The convolutions of the network for so many windows, whose stems see `frames` frames in all."""
    stem = Conv("conv1", frames, 1, 145, 800, w, 7, 2, 3, maps, frames=True)
    rest, c, h, v = [], w, 37, 200
    for stage, (k, stride) in enumerate(((w, 1), (2 * w, 2), (4 * w, 2), (8 * w, 2)), 1):
        for block in (0, 1):
            first = Conv(f"layer{stage}.{block}.conv1", batch, c, h, v, k, 3, stride if block == 0 else 1, 1, maps)
            if block == 0 and (stride != 1 or c != k):
                rest.append(Conv(f"layer{stage}.0.downsample", batch, c, h, v, k, 1, stride, 0, maps))
            c, h, v = k, first.oh, first.ow
            rest += [first, Conv(f"layer{stage}.{block}.conv2", batch, c, h, v, k, 3, 1, 1, maps)]
        if stage == 3:
            rest.append(Conv("fuse", batch, 5 * w, h, v, 4 * w, 3, 1, 1, maps))
    return stem, rest


def inference(maps, batch=1):
    """(kernel, operations, bytes) of a new frame and its window: batch norm, ReLU and additions cost nothing more."""
    stem, rest = layers(batch, batch, maps)
    rows = [(stem.name, stem.operations, stem.x + stem.weight + stem.y)]
    plane = stem.y // batch
    pooled = batch * 64 * 37 * 200 * maps
    rows.append(("aggregate_pool", 2 * 5 * plane // maps * batch * 9 // 4, 5 * plane * batch + pooled))
    for conv in rest:
        residual = conv.y if conv.name.endswith("conv2") or conv.name == "fuse" else 0
        c = conv.c - 64 if conv.name == "fuse" else conv.c  # the slope features are a constant map
        weight = conv.weight * maps // FLOAT  # arranged once, as the products take it
        rows.append((conv.name, conv.operations * c // conv.c,
                     conv.x * c // conv.c + weight * c // conv.c + conv.y + residual))
    rows.append(("global_avg_pool, fc", 2 * batch * 512 * 88, batch * 512 * 5 * 25 * maps + 512 * 88 * FLOAT))
    return rows


def key_inference(white=52, black=36):
    """The same of a new frame of `key_net` as it is released: 96 rows, a white key 16 pixels wide. Its maps are float."""
    rows, c, h, v = [], 3, 96, 16 * white
    for i, (k, kh, kw, sh, sw) in enumerate(((16, 5, 5, 2, 2), (32, 3, 3, 2, 2), (48, 3, 3, 2, 1), (48, 3, 3, 2, 1),
                                             (64, 6, 1, 1, 1))):
        oh, ow = h // sh if i < 4 else 1, v // sw
        weight = k * c * kh * kw
        rows.append((f"trunk.{i}" if i < 4 else "columns", 2 * weight * oh * ow,
                     (c * h * v + weight + k * oh * ow) * FLOAT))
        c, h, v = k, oh, ow
    features, window, keys = c, 13, white + black
    seen = features * window * keys
    rows.append(("sample_columns, both colours", 3 * seen, (features * v + seen) * FLOAT))
    rows.append(("white, black", 2 * seen * features, (seen + 2 * features * features * window + features * keys) * FLOAT))
    for length in (3, 3, 5):
        rows.append(("slide_window, temporal", 2 * 3 * features * features * keys,
                     (2 * length * features * keys + 3 * features * keys + 3 * features * features +
                      features * keys) * FLOAT))
    rows.append(("slide_window, head", 2 * 5 * features * keys, (4 * features * keys + 5 * features + 5 * keys) * FLOAT))
    return rows


def training(batch, maps_bytes):
    """The same of a training step: forward, both gradients, batch norm's passes, Adam."""
    stem, rest = layers(batch, 5 * batch, maps_bytes)
    rows = []

    def conv_rows(convs, name, with_input=True):
        rows.append((f"{name}: forward", sum(c.operations for c in convs), sum(c.x + c.weight + c.y for c in convs)))
        if with_input:
            rows.append((f"{name}: backward_input", sum(c.operations for c in convs),
                         sum(c.x + c.weight + c.y for c in convs)))
        rows.append((f"{name}: backward_weight", sum(c.operations for c in convs),
                     sum(c.x + 2 * c.weight + c.y for c in convs)))

    conv_rows([stem], "conv1", with_input=False)
    maps = stem.y // 5
    # Two passes for the statistics, one that normalises and aggregates; sums over a and dy, then in place.
    rows.append(("stem: norm, ReLU, aggregation", 0, 3 * stem.y + maps))
    rows.append(("stem: their gradient", 0, 3 * stem.y + 2 * maps))
    pooled = maps // 4
    places = pooled // maps_bytes * 4  # where the maxima were, 32 bits each
    rows.append(("max_pool2d and its gradient", 0, 2 * (maps + pooled + places)))
    for stage in ("layer1", "layer2", "layer3", "layer4", "fuse"):
        conv_rows([c for c in rest if c.name.startswith(stage)], stage)
    normed = [c for c in rest if c.name != "fuse"]
    # Forward: x twice for the statistics, once more and y. Backward: x, dy for the sums, x, dy, dx.
    rows.append(("batch norm: forward", 0, sum(4 * c.y for c in normed)))
    rows.append(("batch norm: backward", 0, sum(5 * c.y for c in normed)))
    # Each block: the sum with its ReLU, what the ReLU lets back to conv2, and to the shortcut: there at once added to the
    # gradient or, where the shortcut has a convolution, first on its way through it.
    wide = {c.name[:8]: c.x for c in rest if c.name.endswith("downsample")}
    blocks = [c for c in rest if c.name.endswith("conv2")]
    rows.append(("addition, ReLU and their gradients", 0,
                 sum((3 + 3) * c.y + (3 * c.y + 3 * wide[c.name[:8]] if c.name[:8] in wide else 4 * c.y)
                     for c in blocks)))
    parameters = 11_965_848
    rows.append(("gradients to zero, their norm, Adam", 0, parameters * FLOAT * (1 + 1 + 7)))
    return rows


def print_table(title, rows_with, device):
    """rows_with(bytes of a number of a map) gives the rows; their names and operations are the same for all."""
    print(f"\n### {title}\n")
    print("| kernel | GFLOP | MB | MB in bf16 | f32, µs | tf32, µs | bf16, µs | limited by (bf16) |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    rows = {p: rows_with(size) for p, size in MAPS.items()}
    totals = {p: 0.0 for p in MAPS}
    operations, moved = 0, {p: 0 for p in MAPS}
    for at, (name, flop, _) in enumerate(rows["f32"]):
        operations += flop
        memory = {}
        for p in MAPS:
            moved[p] += rows[p][at][2]
            memory[p] = rows[p][at][2] / device["bandwidth"]
        times = {p: max(flop / device[p], memory[p]) for p in MAPS}
        for p, t in times.items():
            totals[p] += t
        bound = "memory" if memory["bf16"] >= flop / device["bf16"] else "products"
        print(f"| {name} | {flop / 1e9:.3f} | {rows['f32'][at][2] / 1e6:.2f} | {rows['bf16'][at][2] / 1e6:.2f} | " +
              " | ".join(f"{t * 1e6:.1f}" for t in times.values()) + f" | {bound} |")
    print(f"| **all** | {operations / 1e9:.2f} | {moved['f32'] / 1e6:.1f} | {moved['bf16'] / 1e6:.1f} | " +
          " | ".join(f"{t * 1e6:.0f}" for t in totals.values()) + " | |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=24, help="of the training step")
    parser.add_argument("--device", choices=sorted(DEVICES), default="h100")
    arguments = parser.parse_args()
    device = DEVICES[arguments.device]
    print(f"{device['name']}: {device['f32'] / 1e12:.0f} TFLOP/s in f32, {device['tf32'] / 1e12:.0f} in tf32, "
          f"{device['bf16'] / 1e12:.0f} in bf16; {device['bandwidth'] / 1e12:.2f} TB/s")
    print_table("One new frame of a video and its window", inference, device)
    print_table("One new frame of `key_net`", lambda _: key_inference(), device)
    print_table(f"A training step of {arguments.batch} windows",
                lambda maps: training(arguments.batch, maps), device)


if __name__ == "__main__":
    main()
