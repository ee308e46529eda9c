# SPDX-License-Identifier: MIT
"""Writes tests/data/golden/: what PyTorch computes for every layer, the loss, the optimizer and whole networks.

    python tools/make_golden.py [FOLDER]

File and tensor names: tests/data/golden/README.md. The same PyTorch on the same machine writes the same bytes; another
machine may differ in the last bits.
"""
import pathlib
import sys

import numpy
import torch
import torch.nn.functional as F
from torch import nn

import key_net
import onset_net
from onset_net import Aggregation, BasicBlock, OnsetNet, Options, Slope, balanced_bce

EVERY = 11  # of a big tensor each 11th value is kept: 11 is coprime to all kernel sizes and channel counts
WHOLE = 256  # up to so many values are kept whole

folder = pathlib.Path(__file__).resolve().parent.parent / "tests/data/golden"
generator = torch.Generator()


def random(*shape, scale=1.0):
    return torch.randn(*shape, generator=generator) * scale


def pattern(samples, frames, height, width, seed):
    """A gray input in [0, 1) that any language makes alike, exact in single precision (README.md has the formula)."""
    i = numpy.arange(samples * frames * height * width, dtype=numpy.uint64)
    h = (i + numpy.uint64(seed << 24)) * numpy.uint64(2654435761) & numpy.uint64(0xFFFFFFFF)
    h ^= h >> numpy.uint64(15)
    h = h * numpy.uint64(2246822519) & numpy.uint64(0xFFFFFFFF)
    h ^= h >> numpy.uint64(13)
    noise = (h >> numpy.uint64(8)).astype(numpy.float64) * 2.0**-24
    n, f, r, c = numpy.indices((samples, frames, height, width))
    shade = 2.0 ** -((3 * n + f + r // 16 + c // 16) % 4)
    return torch.from_numpy(noise.reshape(shade.shape) * shade)


def write(name, tensors, **settings):
    onset_net.save_safetensors(folder / f"{name}.safetensors", tensors, {k: str(v) for k, v in settings.items()})


def case(name, f, inputs, parameters=None, statistics=dict, **settings):
    """One differentiable operation y = f(): y, a random dy, the gradient of sum(y * dy) by each input and parameter,
    and what statistics() returns before and after f()."""
    leaves = {**inputs, **(parameters or {})}
    for t in leaves.values():
        t.requires_grad_()
    before = {f"{k}_before": t.clone() for k, t in statistics().items()}
    y = f()
    after = {f"{k}_after": t for k, t in statistics().items()}
    dy = random(*y.shape)
    grads = {f"d{k}": g for k, g in zip(leaves, torch.autograd.grad(y, list(leaves.values()), dy))}
    write(name, {**leaves, **before, **after, "y": y, "dy": dy, **grads}, **settings)


def module_case(name, module, inputs, f=None, **settings):
    """The same of a module in training mode, with random parameters and running statistics."""
    with torch.no_grad():
        for k, p in module.named_parameters():
            norm = p.dim() == 1 and k.endswith("weight")
            p.copy_(torch.rand(p.shape, generator=generator) + 0.5 if norm else random(*p.shape, scale=0.3))
        for b in module.buffers():
            if b.is_floating_point():
                b.copy_(torch.rand(b.shape, generator=generator) + 0.5)
    case(name, f or (lambda: module(*inputs.values())), inputs, dict(module.named_parameters()),
         lambda: {k: b for k, b in onset_net.state(module).items() if "running" in k}, **settings)


def convolutions():
    for name, x, w, bias, stride, padding in (
            ("conv2d_7x7_s2_p3", (2, 1, 13, 18), (3, 1, 7, 7), False, (2, 2), (3, 3)),
            ("conv2d_3x3_s1_p1", (2, 3, 7, 10), (4, 3, 3, 3), False, (1, 1), (1, 1)),
            ("conv2d_3x3_s2_p1", (2, 3, 7, 10), (4, 3, 3, 3), False, (2, 2), (1, 1)),
            ("conv2d_1x1_s2", (2, 3, 7, 10), (4, 3, 1, 1), False, (2, 2), (0, 0)),
            ("conv2d_5x3_s2x1_p1x2_bias", (2, 3, 9, 8), (4, 3, 5, 3), True, (2, 1), (1, 2))):
        x, p = random(*x), {"weight": random(*w, scale=0.3)}
        if bias:
            p["bias"] = random(w[0])
        case(name, lambda: F.conv2d(x, p["weight"], p.get("bias"), stride, padding), {"x": x}, p,
             stride_rows=stride[0], stride_columns=stride[1], padding_rows=padding[0], padding_columns=padding[1])
    x, w, b = random(2, 3, 11), random(4, 3, 3, scale=0.3), random(4)
    case("conv1d_k3_p1_bias", lambda: F.conv1d(x, w, b, 1, 1), {"x": x}, {"weight": w, "bias": b}, stride=1, padding=1)
    for kind in onset_net.AGGREGATIONS:  # by conv3d itself: the twin's faster form is checked against it
        x = random(2, 5, 3, 4, 6)
        w = random(3, 1 if kind == "channelwise" else 3, 5, 1, 1)
        conv3d = lambda: F.conv3d(x.transpose(1, 2), w, groups=3 if kind == "channelwise" else 1).squeeze(2)
        twin = Aggregation(3, 5, kind)
        twin.weight.data.copy_(w)
        torch.testing.assert_close(twin(x), conv3d(), rtol=1e-12, atol=1e-12)
        case(f"aggregation_{kind}", conv3d, {"x": x}, {"weight": w}, frames=5)


def pointwise_and_pools():
    x = random(2, 3, 4, 5, scale=2.0)
    x.view(-1)[:2] = torch.tensor([0.0, -0.0])
    case("relu", lambda: F.relu(x), {"x": x})
    x = torch.cat([random(20, scale=3.0), torch.tensor([0.0, 40.0, -40.0, 750.0, -750.0])])
    case("sigmoid", lambda: torch.sigmoid(x), {"x": x})
    for name, x in (("max_pool_3_2_1", random(2, 3, 9, 12)),
                    ("max_pool_3_2_1_ties", torch.randint(-2, 2, (2, 3, 7, 8), generator=generator).double())):
        case(name, lambda: F.max_pool2d(x, 3, 2, 1), {"x": x}, kernel=3, stride=2, padding=1)
    x = random(2, 3, 5, 7)
    case("global_average_pool", lambda: x.mean((2, 3)), {"x": x})
    x, w, b = random(3, 7), random(5, 7), random(5)
    case("linear", lambda: F.linear(x, w, b), {"x": x}, {"weight": w, "bias": b})
    for size, to in ((88, 50), (7, 12), (7, 1), (1, 5), (6, 6)):
        x = random(2, 3, size)
        case(f"resample_{size}_{to}", lambda: F.interpolate(x, size=to, mode="linear", align_corners=True), {"x": x})
    x0, x1 = random(2, 4, 3, 5), random(2, 2, 3, 5)
    case("concat_channels", lambda: torch.cat([x0, x1], 1), {"x0": x0, "x1": x1})


def modules():
    norm = nn.BatchNorm2d(4)
    module_case("batch_norm_train", norm, {"x": random(3, 4, 5, 7) * 2 + 1}, eps=norm.eps, momentum=norm.momentum)
    norm, x = nn.BatchNorm2d(4).eval(), random(2, 4, 3, 5)
    with torch.no_grad():
        for t in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
            t.copy_(torch.rand(4, generator=generator) + 0.5)
    write("batch_norm_inference", {"x": x, "y": norm(x), **onset_net.state(norm)}, eps=norm.eps)
    module_case("basic_block", BasicBlock(3, 3), {"x": random(2, 3, 7, 9)}, stride=1)
    module_case("basic_block_downsample", BasicBlock(3, 6, 2), {"x": random(2, 3, 7, 9)}, stride=2)
    for keys, rows, columns in ((88, 2, 50), (12, 3, 17)):
        slope = Slope(3, keys)
        module_case(f"slope_{keys}_{columns}", slope, {}, lambda: slope(rows, columns).expand(2, -1, -1, -1),
                    keys=keys, rows=rows, columns=columns)


def loss_and_optimizer():
    some = (torch.rand(3, 12, generator=generator) < 0.15).double()
    logits = random(3, 12, scale=2.0)
    extreme = logits.clone()
    extreme[:, ::3], extreme[:, 1::3] = 100.0, -100.0
    for name, x, targets in (("mixed", logits, some), ("all_positive", logits, torch.ones(3, 12)),
                             ("all_negative", logits, torch.zeros(3, 12)), ("extreme", extreme, some)):
        x = x.clone().requires_grad_()
        loss = balanced_bce(x, targets)
        write(f"balanced_bce_{name}", {"logits": x, "targets": targets, "loss": loss.reshape(1),
                                       "dlogits": torch.autograd.grad(loss, x)[0]})
    w = random(16)
    gradients = random(10, 16) * torch.tensor([1.0, 0.0, 1e-12, 1e8]).repeat(4)
    parameter = nn.Parameter(w.clone())
    adam, values = torch.optim.Adam([parameter], lr=1e-3), []
    for g in gradients:
        parameter.grad = g.clone()
        adam.step()
        values.append(parameter.detach().clone())
    moments = adam.state[parameter]
    write("adam", {"w0": w, "gradients": gradients, "w": torch.stack(values), "exp_avg": moments["exp_avg"],
                   "exp_avg_sq": moments["exp_avg_sq"]}, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0)
    parameter = nn.Parameter(w.clone())
    adam, values = torch.optim.AdamW([parameter], lr=1e-2, weight_decay=0.3), []
    for g in gradients:
        parameter.grad = g.clone()
        adam.step()
        values.append(parameter.detach().clone())
    write("adamw", {"w0": w, "gradients": gradients, "w": torch.stack(values)}, lr=1e-2, beta1=0.9, beta2=0.999, eps=1e-8,
          weight_decay=0.3)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    warm_up = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1 / 5, end_factor=1.0, total_iters=4)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20, eta_min=0.02)
    both, rates = torch.optim.lr_scheduler.SequentialLR(optimizer, [warm_up, cosine], milestones=[5]), []
    for _ in range(25):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        both.step()
    write("cosine", {"factors": torch.tensor(rates, dtype=torch.float64)}, warm_up=5, steps=25, floor=0.02)
    losses = [1, .9, .9, .89995, .91, .95, .7, .7, .7, .69999, .6] + [.8] * 6 + [.5] * 8
    for name, settings in (("", dict(factor=0.1, patience=2, threshold=1e-4, cooldown=0, min_lr=0.0)),
                           ("_cooldown", dict(factor=0.5, patience=1, threshold=1e-2, cooldown=3, min_lr=2e-4))):
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1e-3)
        plateau, rates = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, threshold_mode="rel", **settings), []
        for value in losses:
            plateau.step(value)
            rates.append(optimizer.param_groups[0]["lr"])
        write(f"reduce_lr_on_plateau{name}", {"losses": torch.tensor(losses), "learning_rates": torch.tensor(rates)},
              lr=1e-3, **settings)


def kept(t, every=EVERY):
    return t.detach().reshape(-1)[::every if t.numel() > WHOLE else 1]


def network(name, options, seed, height, width, samples):
    """NAME.safetensors: a weights file; NAME.trace.safetensors: what the network does with it, in double."""
    net = onset_net.randomise(OnsetNet(options), seed).float()
    onset_net.save(net, folder / f"{name}.safetensors")
    net.double()  # the same values: all that follows starts from the file's single precision
    x = pattern(samples, options.frames, height, width, seed=seed)
    with torch.no_grad():
        logits, features = net.eval()(x)
    assert features.std() > 1e-3 and (features > 0).double().mean() > 0.2, "a dead network tests nothing"
    trace = {"logits": logits, "features": features}
    settings = dict(seed=seed, samples=samples, height=height, width=width)
    if samples > 1:
        targets = (torch.rand(samples, options.keys, generator=generator) < 0.2).double()
        adam, losses = torch.optim.Adam(net.train().parameters(), lr=1e-3), []
        for step in range(10):
            adam.zero_grad()
            train_logits, _ = net(x)
            loss = balanced_bce(train_logits, targets)
            loss.backward()
            losses.append(loss.detach())
            if step == 0:
                trace["train_logits"] = train_logits
                trace.update({f"grad.{k}": kept(p.grad) for k, p in net.named_parameters()})
            adam.step()
        trace.update({"targets": targets, "losses": torch.stack(losses)})
        trace.update({f"after.{k}": kept(t) for k, t in onset_net.state(net).items()})
        settings.update(lr=1e-3, steps=10)
    onset_net.save_safetensors(folder / f"{name}.trace.safetensors", trace,
                               {**options.metadata(), **{k: str(v) for k, v in settings.items()}})


def networks():
    seed = 0
    for variant in onset_net.VARIANTS:
        for stem in onset_net.STEMS:
            for aggregation in onset_net.AGGREGATIONS:
                if variant == "resnet" and (stem, aggregation) != ("conv1", "channelwise"):
                    continue
                seed += 1
                name = variant if variant == "resnet" else f"{variant}_{stem}_{aggregation}"
                network(f"onset_net_{name}", Options(variant, stem, aggregation, width=2, keys=12), seed, 41, 96, 3)
    network("onset_net_full_size", Options(width=4), seed + 1, 145, 800, 1)


def key_layers():
    """What only key_net needs."""
    for name, sides in (("conv1d_k3_d2", (2, 2)), ("conv1d_k3_d2_causal", (4, 0))):
        x, w = random(2, 3, 11), random(4, 3, 3, scale=0.3)
        case(name, lambda: F.conv1d(F.pad(x, sides), w, dilation=2), {"x": x}, {"weight": w}, dilation=2,
             causal=int(sides[1] == 0))
    x = random(6, 3, 10).requires_grad_()  # two samples of three frames
    centres = torch.tensor([[0.0, 4.5, 9.0, -7.25, 2.0], [9.3, 1.75, 5.5, 12.0, 8.5]])
    y = key_net.sample_columns(x, centres.repeat_interleave(3, 0), 5).unflatten(0, (2, 3))
    y = y.permute(2, 4, 0, 3, 1).flatten(2, 3)  # C x window x B K x T
    dy = random(*y.shape)
    write("sample_columns", {"x": x, "centres": centres, "y": y, "dy": dy, "dx": torch.autograd.grad(y, x, dy)[0]},
          frames=3)
    for name, module in (("temporal_block", key_net.Temporal(4, 2, False)),
                         ("temporal_block_causal", key_net.Temporal(4, 2, True))):
        module_case(name, module, {"x": random(3, 4, 9)}, dilation=2, causal=int("causal" in name))


def key_network(name, options, seed, samples, frames, width, keys):
    """NAME.safetensors: a weights file; NAME.trace.safetensors: one step of training in double, and inference."""
    net = onset_net.randomise(key_net.KeyNet(options), seed).float()
    onset_net.save(net, folder / f"{name}.safetensors")
    net.double()
    x = pattern(samples * frames, 3, options.rows, width, seed=seed).unflatten(0, (samples, frames)).requires_grad_()
    keys = keys.float().double()
    with torch.no_grad():
        y = net.eval()(x, keys)
    assert y.std((0, 1, 3)).min() > 1e-2, "a dead network tests nothing"
    train_y = net.train()(x, keys)
    dy = random(*y.shape).float().double()
    dx, *gradients = torch.autograd.grad(train_y, [x, *net.parameters()], dy)
    trace = {"keys": keys.flatten(0, 1), "y": kept(y), "train_y": kept(train_y), "dx": kept(dx, 101), "dy": dy}
    trace.update({f"grad.{k}": kept(g) for (k, _), g in zip(net.named_parameters(), gradients)})
    trace.update({f"after.{k}": kept(t) for k, t in onset_net.state(net).items() if "running" in k})
    settings = dict(seed=seed, samples=samples, frames=frames, width=width, keys=keys.shape[1])
    onset_net.save_safetensors(folder / f"{name}.trace.safetensors", trace,
                               {**options.metadata(), **{k: str(v) for k, v in settings.items()}})


def key_networks():
    small = dict(rows=32, channels=(3, 4, 5, 6), features=8, window=5, dropout=0.0)
    for seed, future in enumerate((4, 2, 1, 0), start=51):
        keys = torch.rand(2, 6, 2, generator=generator)
        keys[:, :, 0] = keys[:, :, 0] * 84 - 10  # some beside the strip
        keys[:, :, 1] = (keys[:, :, 1] < 0.4).double()
        keys[0, 0, 0], keys[1, 0, 0] = 0.0, 64.0
        key_network(f"key_net_future_{future}", key_net.Options(**small, future=future), seed, 2, 7, 64, keys)
    # The 88 keys of a piano; where black keys lie between the white ones does not matter here.
    places, white = [], 0
    for midi in range(21, 109):
        black = midi % 12 in (1, 3, 6, 8, 10)
        places.append((16 * white if black else 16 * (white + 0.5), float(black)))
        white += not black
    full = key_net.Options(channels=(4, 8, 12, 12), features=16, dropout=0.0)
    key_network("key_net_full_size", full, 55, 1, 3, 832, torch.tensor([places]))


def key_losses():
    """Rows as `vmt::train::key_targets` has them: K places, K colours, K x 5 x T."""
    samples, keys, frames = 2, 3, 9
    for name in ("mixed", "silent"):
        t = torch.rand(samples, keys, key_net.OUTPUTS, frames, generator=generator)
        t[:, :, (0, 2)] = (3 * t[:, :, (0, 2)] - 2).clamp(min=0)
        t[:, :, 1] = (3 * t[:, :, 1]).floor() - 1
        t[:, :, 4] = 3 * t[:, :, 4] - 1.5
        if name == "silent":
            t[:, :, 0], t[:, :, 1] = 0, -1
        y = random(samples, keys, key_net.OUTPUTS, frames, scale=2.0).requires_grad_()
        loss = key_net.key_loss(y, t, share=(1.0, 0.7, 0.4, 0.1, 0.1))
        rows = torch.cat([torch.zeros(samples, 2 * keys), t.flatten(1)], 1)
        write(f"key_loss_{name}", {"y": y, "targets": rows, "loss": loss.reshape(1),
                                   "dy": torch.autograd.grad(loss, y)[0]})
    for name, largest in (("long", 5.0), ("short", 50.0)):
        gradient = random(40)
        w = nn.Parameter(torch.zeros(40))
        w.grad = gradient.clone()
        norm = nn.utils.clip_grad_norm_([w], largest)
        write(f"clip_norm_{name}", {"gradient": gradient, "clipped": w.grad, "norm": norm.reshape(1)}, largest=largest)


def main():
    global folder
    if len(sys.argv) > 1:
        folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    torch.use_deterministic_algorithms(True)
    onset_net.check_parameter_counts()
    key_net.check_parameter_count()
    for part in (convolutions, pointwise_and_pools, modules, loss_and_optimizer, networks, key_layers, key_networks, key_losses):
        generator.manual_seed(20201)
        part()


if __name__ == "__main__":
    main()
