#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times the PyTorch twin of `onset_net` on a CUDA device, in the words of `vmt-cuda-check bench`: one JSON line each.

f32 forbids the tensor cores, tf32 allows them, bf16 is autocast with channels-last memory. Inference is compiled by
torch.compile where --compile is given.
"""
import argparse
import json
import time

import torch

import onset_net


def measure(use, precision, batch, work):
    for _ in range(3):
        work()
    times = []
    for _ in range(20):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        work()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - begin) * 1000)
    times.sort()
    print(json.dumps({"use": use, "precision": precision, "batch": batch, "n": 20, "min_ms": round(times[0], 4),
                      "median_ms": round(times[10], 4)}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    device = torch.device("cuda")
    print("#", torch.__version__, torch.cuda.get_device_name(device))
    for precision in ("f32", "tf32", "bf16"):
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        torch.backends.cudnn.benchmark = True
        net = onset_net.OnsetNet(onset_net.Options()).to(device)
        if precision == "bf16":  # channels-last is a layout of rank 4; the aggregation's weight has rank 5
            for p in net.parameters():
                if p.dim() == 4:
                    p.data = p.data.contiguous(memory_format=torch.channels_last)
        forward = torch.compile(net) if arguments.compile else net

        def amp():
            return torch.autocast("cuda", dtype=torch.bfloat16, enabled=precision == "bf16")

        net.eval()
        for batch, use in ((1, "window"), (64, "forward")):
            x = torch.rand(batch, 5, 145, 800, device=device)
            with torch.no_grad(), amp():
                measure(use, precision, batch, lambda: forward(x))
        net.train()
        optimiser = torch.optim.Adam(net.parameters(), fused=True)
        for batch in (24, 192):
            x = torch.rand(batch, 5, 145, 800, device=device)
            targets = (torch.rand(batch, 88, device=device) < 0.05).float()

            def step():
                optimiser.zero_grad(set_to_none=True)
                with amp():
                    logits = net(x)
                    logits = logits[0] if isinstance(logits, tuple) else logits
                onset_net.balanced_bce(logits.float(), targets).backward()
                optimiser.step()

            measure("train", precision, batch, step)


if __name__ == "__main__":
    main()
