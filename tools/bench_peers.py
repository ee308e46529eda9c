# SPDX-License-Identifier: MIT
"""Times vmt and other engines on the paper's full network (variant slope), interleaved in one run.

    python tools/bench_peers.py build/bin/vmt [--rounds 5] [--threads 2] [--width 64] [--batch 1] [--precision f32]

Each round measures every engine once, each in a process of its own, in an order that turns by one per round, so that a
busy or throttled moment does not fall on the same one. Engines: vmt (`vmt bench --use window`), PyTorch eager as it
comes and with malloc kept from returning memory (half of its time is page faults otherwise), and ONNX Runtime and
OpenVINO (single precision, latency) where they and `onnx` can be imported. Weights and inputs are random.
A ratio is peer / vmt by medians of the same round: above 1, vmt is faster. Its spread is over the rounds.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

TUNED_MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(8 << 30), "MALLOC_TRIM_THRESHOLD_": str(16 << 30),
                "MALLOC_TOP_PAD_": str(256 << 20)}
ENGINES = ("vmt", "torch", "torch, tuned malloc", "onnxruntime", "openvino")


def foreign_seconds():
    """Processor time that all processes but this one and its ended children have used, or None off Linux."""
    try:
        with open("/proc/stat") as f:
            user, nice, system, _, _, irq, softirq, *_ = (int(v) for v in f.readline().split()[1:])
    except OSError:
        return None
    own = os.times()
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK") - sum(own[:4])


def network(width):
    import onset_net
    return onset_net.randomise(onset_net.OnsetNet(onset_net.Options(width=width)), 0).eval()


def child(a):
    """One engine in this process; the same JSON line as `vmt bench --json`."""
    if a.child == "export":
        import torch
        with torch.no_grad():
            torch.onnx.export(network(a.width), (torch.rand(a.batch, 5, 145, 800),), a.onnx, input_names=["x"],
                              output_names=["logits", "features"], dynamo=False)
        return 0
    if a.child == "torch":
        import torch
        torch.set_num_threads(a.threads)
        net, x = network(a.width), torch.rand(a.batch, 5, 145, 800)
        def run():
            with torch.inference_mode():
                net(x)
    else:
        import numpy
        x = numpy.random.default_rng(0).random((a.batch, 5, 145, 800), numpy.float32)
        if a.child == "onnxruntime":
            import onnxruntime
            o = onnxruntime.SessionOptions()
            o.intra_op_num_threads, o.inter_op_num_threads = a.threads, 1
            session = onnxruntime.InferenceSession(a.onnx, o, providers=["CPUExecutionProvider"])
            run = lambda: session.run(None, {"x": x})
        else:
            import openvino
            settings = {"INFERENCE_NUM_THREADS": a.threads, "PERFORMANCE_HINT": "LATENCY",
                        "INFERENCE_PRECISION_HINT": "f32"}
            request = openvino.Core().compile_model(a.onnx, "CPU", settings).create_infer_request()
            request.set_input_tensor(openvino.Tensor(x))
            run = request.infer
    for _ in range(3):
        run()
    times, end = [], time.perf_counter() + a.seconds
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3 / a.batch)
    with open("/proc/self/status") as f:  # not getrusage: its peak starts with that of the parent
        peak = next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmHWM"))
    print(json.dumps({"use": "window", "precision": "f32", "threads": a.threads, "batch": a.batch, "n": len(times),
                      "min_ms": min(times), "median_ms": statistics.median(times),
                      "peak_rss_mb": peak}))
    return 0


def call(command, a, extra={}):
    """Standard output of a process; raises RuntimeError with the reason."""
    environment = {k: v for k, v in os.environ.items() if k not in TUNED_MALLOC and k != "OPENBLAS_CORETYPE"}
    threads = {k: str(a.threads) for k in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    environment.update(threads, **extra)
    try:
        ran = subprocess.run([str(c) for c in command], env=environment, capture_output=True, text=True,
                             errors="replace", timeout=120 + 10 * a.seconds)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise RuntimeError(str(e)) from e
    if ran.returncode != 0:
        raise RuntimeError(f"exit status {ran.returncode}: {(ran.stderr.strip().splitlines() or ['no message'])[-1]}")
    return ran.stdout


def own_child(kind, a, onnx):
    return [sys.executable, os.path.abspath(__file__), a.program, "--child", kind, "--onnx", onnx, "--width", a.width,
            "--threads", a.threads, "--batch", a.batch, "--seconds", a.seconds]


def measure(engine, a, onnx):
    """The JSON object of one engine's run; raises RuntimeError with the reason."""
    if engine == "vmt":
        command = [a.program, "bench", "--use", "window", "--model", "slope", "--width", a.width,
                   "--threads", a.threads, "--batch", a.batch, "--precision", a.precision,
                   "--seconds", a.seconds, "--json"]
    else:
        command = own_child(engine.split(",")[0], a, onnx)
    output = call(command, a, TUNED_MALLOC if "tuned" in engine else {})
    try:
        result = json.loads([line for line in output.splitlines() if line.startswith("{")][-1])
        float(result["min_ms"]), float(result["median_ms"]), float(result["peak_rss_mb"]), int(result["n"])
    except (IndexError, KeyError, TypeError, ValueError) as e:
        raise RuntimeError(f"no JSON line with n, min_ms, median_ms, peak_rss_mb: {output[:200]!r}") from e
    if result.get("threads", a.threads) != a.threads or result.get("batch", a.batch) != a.batch:
        raise RuntimeError(f"measured something else: {result}")
    return result


def main():
    p = argparse.ArgumentParser(description="Times vmt and other engines on the paper's full network.")
    p.add_argument("program", metavar="VMT_PROGRAM")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--width", type=int, default=64)
    p.add_argument("--batch", type=int, default=1)
    p.add_argument("--precision", choices=("f32", "bf16", "int8"), default="f32", help="of vmt; the peers run f32")
    p.add_argument("--seconds", type=float, default=3, help="per engine and round")
    p.add_argument("--child", choices=("torch", "onnxruntime", "openvino", "export"), help=argparse.SUPPRESS)
    p.add_argument("--onnx", default="", help=argparse.SUPPRESS)
    a = p.parse_args()
    if min(a.rounds, a.threads, a.width, a.batch) < 1 or a.seconds <= 0:
        p.error("rounds, threads, width, batch and seconds must be positive")
    if a.child:
        return child(a)
    optional = {"onnxruntime": ("onnxruntime", "onnx"), "openvino": ("openvino", "onnx")}
    engines = [e for e in ENGINES if all(importlib.util.find_spec(m) for m in optional.get(e, ()))]
    results, foreign = {e: [] for e in engines}, []
    with tempfile.TemporaryDirectory() as folder:
        onnx = str(pathlib.Path(folder) / "slope.onnx")
        if set(engines) & set(optional):
            try:
                call(own_child("export", a, onnx), a)
            except RuntimeError as e:
                print(f"bench_peers: no ONNX file for ONNX Runtime and OpenVINO: {e}", file=sys.stderr)
                engines = [e for e in engines if e not in optional]
        for r in range(a.rounds):
            for engine in engines[r % len(engines):] + engines[:r % len(engines)]:
                before, start = foreign_seconds(), time.perf_counter()
                try:
                    results[engine].append(measure(engine, a, onnx))
                except RuntimeError as e:
                    print(f"bench_peers: {engine}: {e}", file=sys.stderr)
                    return 1
                if before is not None:
                    foreign.append((foreign_seconds() - before) / (time.perf_counter() - start))
                print(f"round {r + 1}/{a.rounds} {engine}: {results[engine][-1]['median_ms']:.2f} ms", file=sys.stderr)
    print(f"slope, width {a.width}, {a.threads} threads, batch {a.batch}, vmt {a.precision}, peers f32, "
          f"{a.rounds} rounds; ms per window")
    print(f"{'engine':20} {'min':>8} {'median':>8} {'medians by round':>20} {'peak MB':>8} {'peer / vmt':>10}  spread")
    ours = [r["median_ms"] for r in results["vmt"]]
    for engine in engines:
        medians = [r["median_ms"] for r in results[engine]]
        ratios = [m / o for m, o in zip(medians, ours)]
        spread = f"{min(medians):.2f} - {max(medians):.2f}"
        low, peak = min(r["min_ms"] for r in results[engine]), max(r["peak_rss_mb"] for r in results[engine])
        print(f"{engine:20} {low:8.2f} {statistics.median(medians):8.2f} {spread:>20} {peak:8.0f} "
              f"{statistics.median(ratios):10.2f}  "
              f"{min(ratios):.2f} - {max(ratios):.2f}")
    for engine in (e for e in ENGINES if e not in engines):
        print(f"{engine}: not measured (not installed, or no ONNX file)")
    if foreign and max(foreign) > 0.15:
        print(f"other processes used up to {max(foreign):.1f} processors meanwhile: repeat on a quiet machine")
    return 0


if __name__ == "__main__":
    sys.exit(main())
