# SPDX-License-Identifier: MIT
"""Times vmt and other engines on the paper's full network (variant slope), interleaved in one run.

    python tools/bench_peers.py build/bin/vmt [--use stream] [--threads 2] [--precision f32] [--rounds 5]

Each round measures every engine once, each in a process of its own, in an order that turns by one per round, so that a
busy or throttled moment does not fall on the same one. All get the same weights (random, seed 0). Peers: PyTorch eager (as
it comes, and with malloc kept from returning memory: half of its time is page faults otherwise), torch.compile with frozen
weights, ONNX Runtime, OpenVINO (latency; int8 by NNCF), ncnn; those that are installed. `--use` as of `vmt bench`.
A ratio is vmt / peer by medians of the same round: below 1, vmt is faster. Its spread is over the rounds.
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
# name: (modules it needs, precisions it runs)
PEERS = {"torch": ((), ("f32",)), "torch, tuned malloc": ((), ("f32",)), "torch.compile": ((), ("f32", "bf16")),
         "onnxruntime": (("onnxruntime", "onnx"), ("f32",)), "openvino": (("openvino", "onnx"), ("f32", "bf16")),
         "openvino+nncf": (("openvino", "nncf", "onnx"), ("int8",)), "ncnn": (("ncnn", "pnnx"), ("f32",))}
# Nobody may use more than this: (oneDNN's name, in PyTorch and OpenVINO; ATen's; ours)
LIMITS = {"": {}, "avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2",
                           "VMT_CPU_ISA": "avx2"},
          "no-amx": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16", "DNNL_MAX_CPU_ISA": "AVX512_CORE_BF16", "VMT_CPU_AMX": "0"}}


def foreign_seconds():
    """Processor time that all processes but this one and its ended children have used, or None off Linux."""
    try:
        with open("/proc/stat") as f:
            user, nice, system, _, _, irq, softirq, *_ = (int(v) for v in f.readline().split()[1:])
    except OSError:
        return None
    own = os.times()
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK") - sum(own[:4])


def call(command, a, extra={}):
    """Standard output of a process; raises RuntimeError with the reason."""
    environment = {k: v for k, v in os.environ.items() if k not in TUNED_MALLOC and k != "OPENBLAS_CORETYPE"}
    threads = {k: str(a.threads) for k in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    environment.update(threads, **LIMITS[a.isa], **extra)
    try:
        ran = subprocess.run([str(c) for c in command], env=environment, capture_output=True, text=True,
                             errors="replace", timeout=600 + 10 * a.seconds)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise RuntimeError(str(e)) from e
    if ran.returncode != 0:
        raise RuntimeError(f"exit status {ran.returncode}: {(ran.stderr.strip().splitlines() or ['no message'])[-1]}")
    return ran.stdout


def measure(engine, a, folder):
    """The JSON object of one engine's run; raises RuntimeError with the reason."""
    if engine == "vmt":
        command = [a.program, "bench", "--use", a.use, "--model", folder / "weights.safetensors",
                   "--threads", a.threads, "--precision", a.precision, "--seconds", a.seconds, "--json"]
        command += ["--batch", a.batch] if a.use == "chunk" else []
    else:
        command = [sys.executable, pathlib.Path(__file__).parent / "bench_engines.py", engine.split(",")[0].split("+")[0],
                   folder, a.use, a.batch, a.precision, a.threads, a.seconds]
    output = call(command, a, TUNED_MALLOC if "tuned" in engine else {})
    try:
        result = json.loads([line for line in output.splitlines() if line.startswith("{")][-1])
        float(result["min_ms"]), float(result["median_ms"]), float(result["peak_rss_mb"]), int(result["n"])
    except (IndexError, KeyError, TypeError, ValueError) as e:
        raise RuntimeError(f"no JSON line with n, min_ms, median_ms, peak_rss_mb: {output[:200]!r}") from e
    if result["threads"] != a.threads or result["use"] != a.use:
        raise RuntimeError(f"measured something else: {result}")
    return result


def prepare(a, folder):
    """Weights for all, ONNX files for those that read them."""
    import onset_net
    onset_net.save(onset_net.randomise(onset_net.OnsetNet(onset_net.Options(width=64, stem=a.stem)), 0).eval(),
                   str(folder / "weights.safetensors"))
    if a.precision == "int8":  # what activations span in noise; no time depends on it
        noise = folder / "noise"
        noise.mkdir()
        for k in range(6):
            (noise / f"frame{k}.pgm").write_bytes(b"P5\n800 145\n255\n" + os.urandom(800 * 145))
        call([a.program, "quantize", folder / "weights.safetensors", folder / "int8.safetensors", "--video", noise,
              "--fps", 25], a)
        (folder / "int8.safetensors").replace(folder / "weights.safetensors")
    if importlib.util.find_spec("onnx"):
        call([sys.executable, pathlib.Path(__file__).parent / "bench_engines.py", "export", folder, a.use, a.batch], a)


def main():
    p = argparse.ArgumentParser(description="Times vmt and other engines on the paper's full network.")
    p.add_argument("program", metavar="VMT_PROGRAM")
    p.add_argument("--use", choices=("window", "stream", "chunk"), default="window")
    p.add_argument("--stem", choices=("conv1", "layer1"), default="conv1", help="layers that each frame passes alone")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--batch", type=int, default=8, help="windows of a chunk")
    p.add_argument("--precision", choices=("f32", "bf16", "int8"), default="f32", help="of vmt and of the peers")
    p.add_argument("--isa", choices=tuple(LIMITS), default="", help="what nobody may exceed")
    p.add_argument("--seconds", type=float, default=3, help="per engine and round")
    p.add_argument("--peers", default="", help="a comma-separated part of: " + "; ".join(PEERS))
    a = p.parse_args()
    if min(a.rounds, a.threads, a.batch) < 1 or a.seconds < 0:
        p.error("rounds, threads and batch must be positive, seconds not negative")
    if a.use != "chunk":
        a.batch = 1
    engines = ["vmt"] + [e for e, (modules, precisions) in PEERS.items()
                         if a.precision in precisions and all(importlib.util.find_spec(m) for m in modules)
                         and (not a.peers or e in a.peers.split(",")) and not (a.use == "chunk" and e == "ncnn")]
    results, foreign = {e: [] for e in engines}, []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        try:
            prepare(a, folder)
        except RuntimeError as e:
            print(f"bench_peers: the ONNX files were not written: {e}", file=sys.stderr)
            return 1
        for r in range(a.rounds):
            turned = engines[r % len(engines):] + engines[:r % len(engines)]
            for engine in [e for e in turned if e in results]:
                before, start = foreign_seconds(), time.perf_counter()
                try:
                    results[engine].append(measure(engine, a, folder))
                except RuntimeError as e:
                    print(f"bench_peers: {engine} is left out: {e}", file=sys.stderr)
                    del results[engine]
                    if engine == "vmt":
                        return 1
                    continue
                if before is not None:
                    foreign.append((foreign_seconds() - before) / (time.perf_counter() - start))
                print(f"round {r + 1}/{a.rounds} {engine}: {results[engine][-1]['median_ms']:.2f} ms", file=sys.stderr)
    per = "new frame" if a.use == "stream" else "window"
    print(f"slope, width 64, stem {a.stem}, {a.use}, {a.threads} threads, {a.precision}, {a.rounds} rounds; ms per {per}")
    print(f"{'engine':20} {'min':>8} {'median':>8} {'medians by round':>20} {'peak MB':>8} {'vmt / it':>9}  spread")
    ours = [r["median_ms"] for r in results["vmt"]]
    for engine, runs in results.items():
        medians = [r["median_ms"] for r in runs]
        ratios = [o / m for m, o in zip(medians, ours)]
        spread = f"{min(medians):.2f} - {max(medians):.2f}"
        low, peak = min(r["min_ms"] for r in runs), max(r["peak_rss_mb"] for r in runs)
        print(f"{engine:20} {low:8.2f} {statistics.median(medians):8.2f} {spread:>20} {peak:8.0f} "
              f"{statistics.median(ratios):9.2f}  {min(ratios):.2f} - {max(ratios):.2f}")
    if foreign and max(foreign) > 0.15:
        print(f"other processes used up to {max(foreign):.1f} processors meanwhile: repeat on a quiet machine")
    return 0


if __name__ == "__main__":
    sys.exit(main())
