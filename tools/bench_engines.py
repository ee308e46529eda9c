# SPDX-License-Identifier: MIT
"""One engine, one measurement, in this process: what bench_peers.py starts. Prints the JSON line of `vmt bench --json`.

    bench_engines.py export FOLDER USE BATCH            the parts of the network of FOLDER/weights.safetensors, as ONNX
    bench_engines.py ENGINE FOLDER USE BATCH PRECISION THREADS SECONDS

USE: window (5 frames anew), stream (one new frame, the stems of the others kept), chunk (BATCH windows of BATCH + 4 frames
at once). A stream is two networks, stem and tail, in every engine: each in the form that the engine runs fastest.
"""
import json
import os
import pathlib
import statistics
import sys
import time

FRAME = (1, 1, 145, 800)
MAP = (1, 64, 73, 400)


def parts(folder, use, batch):
    """{name: (module, example inputs)}"""
    import torch
    import torch.nn.functional as F
    import onset_net
    net = onset_net.load(folder / "weights.safetensors")
    w = net.options.width

    class Stem(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x):
            x = F.relu(self.net.bn1(self.net.conv1(x)))
            return self.net.layer1(x) if self.net.options.stem == "layer1" else x

    class Tail(torch.nn.Module):
        """From the aggregated map, N x w x 73 x 400."""
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x):
            n = self.net
            x = F.max_pool2d(x, 3, 2, 1)
            if n.options.stem == "conv1":
                x = n.layer1(x)
            x = n.layer3(n.layer2(x))
            k = n.slope(10, 50).expand(x.shape[0], -1, -1, -1)
            x = n.fuse(torch.cat([x, k], 1))
            return n.fc(n.layer4(x).mean((2, 3)))

    tail, stem = Tail(), Stem()
    weights = [net.aggregation.weight[:, 0, f, 0, 0].detach().reshape(1, w, 1, 1).clone() for f in range(5)]

    class TailOfFive(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.tail = tail
            for f in range(5):
                self.register_buffer(f"w{f}", weights[f])

        def forward(self, a, b, c, d, e):
            return self.tail(a * self.w0 + b * self.w1 + c * self.w2 + d * self.w3 + e * self.w4)

    class Chunk(torch.nn.Module):
        """windows + 4 frames at once -> the logits of the windows."""
        def __init__(self, windows):
            super().__init__()
            self.stem, self.tail, self.windows = stem, tail, windows
            for f in range(5):
                self.register_buffer(f"w{f}", weights[f])

        def forward(self, x):
            m = self.stem(x)
            n = self.windows
            return self.tail(m[0:n] * self.w0 + m[1:n + 1] * self.w1 + m[2:n + 2] * self.w2 + m[3:n + 3] * self.w3 +
                             m[4:n + 4] * self.w4)

    if use == "stream":
        maps = tuple(torch.rand(1, w, 73, 400) for _ in range(5))
        return {"stem": (stem.eval(), (torch.rand(*FRAME),)), "tail": (TailOfFive().eval(), maps)}
    windows = batch if use == "chunk" else 1
    return {use: (Chunk(windows).eval(), (torch.rand(windows + 4, *FRAME[1:]),))}


def file_of(folder, name, batch, suffix):
    return str(folder / (f"{name}{batch}" + suffix))


def export(folder, use, batch):
    import torch
    for name, (module, inputs) in parts(folder, use, batch).items():
        with torch.no_grad():
            torch.onnx.export(module, inputs, file_of(folder, name, batch, ".onnx"), dynamo=False,
                              input_names=[f"x{i}" for i in range(len(inputs))], output_names=["y"])


def step_of_torch(folder, use, batch, precision, threads, compiled):
    import torch
    torch.set_num_threads(threads)
    torch.inference_mode().__enter__()
    torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16", cache_enabled=False).__enter__()
    modules = {}
    for name, (module, inputs) in parts(folder, use, batch).items():
        if compiled:
            import torch._inductor.config as inductor
            inductor.freezing = True
            module = torch.compile(module.to(memory_format=torch.channels_last))
        modules[name] = (module, inputs)
    if use != "stream":
        module, inputs = modules[use]
        return lambda: module(*inputs)
    stem, tail = modules["stem"][0], modules["tail"][0]
    frame = modules["stem"][1][0]
    ring = [stem(frame) for _ in range(5)]

    def step():
        ring.pop(0)
        ring.append(stem(frame))
        tail(*ring)
    return step


def step_of_openvino(folder, use, batch, precision, threads):
    import numpy
    import openvino
    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    if precision != "int8":
        settings["INFERENCE_PRECISION_HINT"] = precision

    def request(name):
        path = file_of(folder, name, batch, ".onnx")
        model = core.read_model(path)
        if precision == "int8":
            quantised = pathlib.Path(file_of(folder, name, batch, ".int8.xml"))
            if not quantised.exists():
                import nncf
                r = numpy.random.default_rng(0)
                inputs = [tuple(i.shape) for i in model.inputs]
                data = nncf.Dataset(range(4), lambda _: [r.random(s, numpy.float32) for s in inputs])
                openvino.save_model(nncf.quantize(model, data, subset_size=4, preset=nncf.QuantizationPreset.MIXED),
                                    quantised)
            model = core.read_model(quantised)
        r = core.compile_model(model, "CPU", settings).create_infer_request()
        for i, port in enumerate(model.inputs):
            r.set_input_tensor(i, openvino.Tensor(numpy.random.default_rng(i).random(tuple(port.shape), numpy.float32)))
        return r
    if use != "stream":
        return request(use).infer
    stem, tail = request("stem"), request("tail")
    ring = [openvino.Tensor(numpy.zeros(MAP, numpy.float32)) for _ in range(5)]
    turn = [0]

    def step():
        stem.set_output_tensor(0, ring[turn[0] % 5])
        stem.infer()
        turn[0] += 1
        for i in range(5):
            tail.set_input_tensor(i, ring[(turn[0] + i) % 5])
        tail.infer()
    return step


def step_of_onnxruntime(folder, use, batch, threads):
    import numpy
    import onnxruntime
    o = onnxruntime.SessionOptions()
    o.intra_op_num_threads, o.inter_op_num_threads = threads, 1

    def session(name):
        return onnxruntime.InferenceSession(file_of(folder, name, batch, ".onnx"), o, providers=["CPUExecutionProvider"])
    if use != "stream":
        s = session(use)
        x = numpy.random.default_rng(0).random((batch + 4 if use == "chunk" else 5, *FRAME[1:]), numpy.float32)
        return lambda: s.run(None, {"x0": x})
    stem, tail = session("stem"), session("tail")
    value = onnxruntime.OrtValue.ortvalue_from_numpy
    ring = [value(numpy.zeros(MAP, numpy.float32)) for _ in range(5)]
    frame = value(numpy.random.default_rng(0).random(FRAME, numpy.float32))
    turn = [0]

    def step():
        b = stem.io_binding()
        b.bind_ortvalue_input("x0", frame)
        b.bind_ortvalue_output("y", ring[turn[0] % 5])
        stem.run_with_iobinding(b)
        turn[0] += 1
        b = tail.io_binding()
        for i in range(5):
            b.bind_ortvalue_input(f"x{i}", ring[(turn[0] + i) % 5])
        b.bind_output("y")
        tail.run_with_iobinding(b)
    return step


def step_of_ncnn(folder, use, batch, threads):
    """ncnn has no batch: a window is five stems and a tail."""
    import ncnn
    import numpy

    def load(name):
        base = file_of(folder, "ncnn_" + name, "", "")
        if not os.path.exists(base + ".ncnn.param"):
            import pnnx
            import torch
            module, inputs = parts(folder, "stream", 1)[name]
            with torch.no_grad():
                pnnx.export(module, base + ".pt", inputs=inputs, fp16=False)
        net = ncnn.Net()
        net.opt.num_threads, net.opt.use_vulkan_compute = threads, False
        net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
        if net.load_param(base + ".ncnn.param") != 0 or net.load_model(base + ".ncnn.bin") != 0:
            raise RuntimeError("ncnn could not load " + base)
        return net
    stem, tail = load("stem"), load("tail")
    frame = ncnn.Mat(numpy.random.default_rng(0).random(FRAME[1:], numpy.float32))

    def run(net, inputs):
        e = net.create_extractor()
        for name, m in zip(net.input_names(), inputs):
            e.input(name, m)
        return e.extract(net.output_names()[0])[1]
    maps = [run(stem, [frame]).clone() for _ in range(4)]
    if use == "stream":
        return lambda: run(tail, [*maps, run(stem, [frame])])
    return lambda: run(tail, [run(stem, [frame]) for _ in range(5)])


def main():
    engine, folder, use, batch = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    if engine == "export":
        return export(folder, use, batch)
    precision, threads, seconds = sys.argv[5], int(sys.argv[6]), float(sys.argv[7])
    if engine == "openvino":
        step = step_of_openvino(folder, use, batch, precision, threads)
    elif engine == "onnxruntime":
        step = step_of_onnxruntime(folder, use, batch, threads)
    elif engine == "ncnn":
        step = step_of_ncnn(folder, use, batch, threads)
    else:
        step = step_of_torch(folder, use, batch, precision, threads, engine == "torch.compile")
    for _ in range(4):
        step()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3 / (batch if use == "chunk" else 1))
    with open("/proc/self/status") as f:  # not getrusage: its peak starts with that of the parent
        peak = next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmHWM"))
    print(json.dumps({"use": use, "precision": precision, "threads": threads, "batch": batch, "n": len(times),
                      "min_ms": min(times), "median_ms": statistics.median(times), "peak_rss_mb": peak}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
