#!/usr/bin/env python3
"""Makes run files for the tests of the report: numbers that hang together, of no machine that was ever simulated.

usage: sample_run.py sim|host|bench [--dispatches N] [--links N] [--buckets N] [--seed N] [--fused] > RUN.json
"""

import argparse
import json
import math
import random

FLOPS_PER_SECOND = 256 * 32.768e12 / 16
BYTES_PER_SECOND = 256 * 256e9
COMMAND = "weft generate --model models/sums --prompt '348+275=' --device sim:machines/two-sip.yaml"

# op, label, flops, bytes, and how well it uses the machine
LAYER = [
    ("rms_norm", "input norm", 2.1e5, 5.2e5, 0.30), ("matmul", "q_proj", 1.07e8, 4.2e6, 0.62),
    ("matmul", "k_proj", 5.4e7, 2.1e6, 0.55), ("matmul", "v_proj", 5.4e7, 2.1e6, 0.55),
    ("rms_norm", "q norm", 1.0e5, 2.6e5, 0.26), ("rms_norm", "k norm", 5e4, 1.3e5, 0.24),
    ("rope", "q", 8e4, 2.6e5, 0.33), ("rope", "k", 4e4, 1.3e5, 0.31), ("copy", "k into the cache", 0, 2.6e5, 0.4),
    ("copy", "v into the cache", 0, 2.6e5, 0.4), ("attention", "attention", 2.2e7, 3.1e6, 0.48),
    ("matmul", "o_proj", 1.07e8, 4.2e6, 0.64), ("add", "residual", 1e5, 7.8e5, 0.45),
    ("rms_norm", "ffn norm", 2.1e5, 5.2e5, 0.30), ("matmul", "gate_proj", 3.2e8, 1.26e7, 0.71),
    ("matmul", "up_proj", 3.2e8, 1.26e7, 0.71), ("silu_mul", "silu", 9e5, 2.3e6, 0.52),
    ("matmul", "down_proj", 3.2e8, 1.26e7, 0.69), ("add", "residual", 1e5, 7.8e5, 0.45),
]
FUSED = {("rms_norm", "q norm"), ("rms_norm", "k norm"), ("matmul", "up_proj"), ("silu_mul", "silu")}
# With no barrier between them these run next to each other.
SIDE_BY_SIDE = {("matmul", "k_proj"), ("matmul", "v_proj"), ("rms_norm", "k norm"), ("rope", "k"),
                ("copy", "v into the cache"), ("matmul", "up_proj")}
PES = 256


def split(total, weights):
    """Whole numbers that add up to the total, in the proportion of the weights."""
    whole = sum(weights.values())
    shares = {name: int(total * weight / whole) for name, weight in weights.items()}
    shares[max(weights, key=weights.get)] += total - sum(shares.values())
    return shares


def parts_of(random_, compute_ps, memory_ps, duration_ps, pes):
    busy = min(0.97, compute_ps / duration_ps)
    dma = min(1 - busy, 0.2 + 0.75 * memory_ps / duration_ps * random_.uniform(0.5, 1))
    rest = max(0.02, 1 - busy - dma)
    return split(duration_ps * pes, {
        "dispatch": 0.02, "compute": busy, "dma": dma, "queue": rest * random_.uniform(0.2, 0.5),
        "barrier": rest * random_.uniform(0.1, 0.3), "idle": rest * random_.uniform(0.2, 0.6)})


class Stream:
    """The command buffers and dispatches of some passes, as they go."""

    def __init__(self, seed, is_fused):
        self.random = random.Random(seed)
        self.is_fused = is_fused
        self.now = 2_400_000
        self.buffers, self.dispatches, self.host, self.tokens = [], [], [], []
        self.spent = {"host link": 2_400_000, "dispatches": 0, "barriers": 0, "fences": 0, "sync": 0}
        self.at_once = 1

    def step(self, what, ps):
        self.now += ps
        self.spent[what] += ps

    def dispatch(self, index, op, label, flops, bytes_, use, rows):
        flops, bytes_ = int(flops * rows), int(bytes_ * (0.7 + 0.3 * rows))
        compute = int(flops / FLOPS_PER_SECOND * 1e12)
        memory = int(bytes_ / BYTES_PER_SECOND * 1e12)
        took = int(max(compute, memory, 9_000) / use * self.random.uniform(0.85, 1.2)) + 40_000
        beside = (op, label.split(" ", 2)[-1]) in SIDE_BY_SIDE and self.dispatches and index > 0
        start = self.dispatches[-1]["start_ps"] + 3_000 if beside else self.now
        if not beside and index > 0:
            self.step("barriers", 12_000)
            start = self.now
        end = start + took
        self.dispatches.append({
            "sequence": len(self.buffers) + 1, "index": index, "op": op, "label": label, "start_ps": start,
            "end_ps": end, "flops": flops, "bytes": bytes_, "compute_bound_ps": compute, "memory_bound_ps": memory,
            "pes": PES, "barriers": 0 if beside or index == 0 else 1,
            "parts": parts_of(self.random, compute, memory, took, PES)})
        if end > self.now:
            self.step("dispatches", end - self.now)

    def buffer(self, label, layers, rows, stage, is_last):
        submitted = self.now - 900_000 if self.buffers else 400_000
        if self.buffers and self.buffers[-1].get("signal"):
            self.step("fences", 180_000)
        start, first, index = self.now, len(self.dispatches), 0
        for layer in layers:
            for op, name, flops, bytes_, use in LAYER:
                if self.is_fused and (op, name) in FUSED:
                    continue
                self.dispatch(index, op, f"layer {layer} {name}", flops / 40, bytes_, use, rows)
                index += 1
        barriers = sum(dispatch["barriers"] for dispatch in self.dispatches[first:])
        buffer = {"sequence": len(self.buffers) + 1, "label": label, "submitted_ps": max(0, submitted),
                  "start_ps": start, "end_ps": self.now, "barriers": barriers}
        if stage > 0:
            buffer["wait"] = stage
        if not is_last:
            buffer["signal"] = stage + 1
        self.buffers.append(buffer)
        encode = buffer["submitted_ps"]
        self.host.append({"label": f"encode {label}", "start_ps": max(0, encode - 350_000), "end_ps": encode})
        return not is_last


def grid(sips=2, cubes=4, routers=6, pitch=8):
    """Regions, links, PEs and HBM of a machine, where they lie."""
    holes = {(2, 2), (2, 3), (3, 2), (3, 3)}
    regions, links, pes, hbm = [], [], [], []
    side = cubes * pitch
    for sip in range(sips):
        left = sip * (side + 3)
        regions.append({"name": f"sip{sip}", "kind": "sip", "x": left - 1.6, "y": -2.6, "width": side + 1,
                        "height": side + 2})
        for cube in range(cubes * cubes):
            x0, y0 = left + cube % cubes * pitch, cube // cubes * pitch
            name = f"sip{sip}.cube{cube}"
            regions.append({"name": f"cube{cube}", "kind": "cube", "x": x0 - 0.8, "y": y0 - 0.8, "width": 6.6,
                            "height": 6.6})
            free = [(x, y) for y in range(routers) for x in range(routers) if (x, y) not in holes]
            for x, y in free:
                for dx, dy in ((1, 0), (0, 1)):
                    if (x + dx, y + dy) in free:
                        both(links, name, "mesh", (x0 + x, y0 + y), (x0 + x + dx, y0 + y + dy), f"r{y}c{x}",
                             f"r{y + dy}c{x + dx}")
            for i, (x, y) in enumerate(((0, 1), (1, 1), (4, 1), (5, 1), (0, 4), (1, 4), (4, 4), (5, 4))):
                pes.append({"name": f"{name}.pe{i}", "x": x0 + x, "y": y0 + y})
                hbm.append({"name": f"{name}.pe{i}.hbm", "x": x0 + 2.1 + 0.6 * (i % 4), "y": y0 + 2.1 + 0.8 * (i // 4)})
            for i in range(4):
                if cube % cubes + 1 < cubes:
                    both(links, name, "ucie", (x0 + 5, y0 + i + 1), (x0 + pitch, y0 + i + 1), f"east{i}", f"west{i}")
                if cube // cubes + 1 < cubes:
                    both(links, name, "ucie", (x0 + i + 1, y0 + 5), (x0 + i + 1, y0 + pitch), f"south{i}", f"north{i}")
    return regions, links, pes, hbm


def both(links, where, kind, a, b, from_, to):
    links.append({"name": f"{where}.{from_}-{to}", "kind": kind, "from": list(a), "to": list(b)})
    links.append({"name": f"{where}.{to}-{from_}", "kind": kind, "from": list(b), "to": list(a)})


def wave(random_, buckets, level, phase):
    """How busy something is in each bucket: work that passes over the machine, with pauses between the tokens."""
    found = []
    for i in range(buckets):
        token = i * 9 / buckets % 1
        burst = 0.08 if token > 0.9 else 1.05 if token < 0.45 else 0.75
        busy = level * burst * (0.7 + 0.4 * math.sin(phase + i * 0.35)) * random_.uniform(0.7, 1.1)
        found.append(max(0, min(1000, int(1000 * busy))))
    return found


def activity_of(random_, makespan_ps, buckets, links, pes, hbm):
    for link in links:
        x, y = link["from"]
        far = abs((x % 35) - 16) / 16
        level = (0.9 if link["kind"] == "ucie" else 0.62) * (1.05 - 0.75 * far) * random_.uniform(0.5, 1)
        link["busy"] = [] if random_.random() < 0.04 else wave(random_, buckets, level, (x + y) / 9)
    for pe in pes:
        pe["busy"] = wave(random_, buckets, random_.uniform(0.55, 0.95), (pe["x"] + pe["y"]) / 12)
    for memory in hbm:
        memory["busy"] = wave(random_, buckets, random_.uniform(0.35, 0.9), (memory["x"] + memory["y"]) / 12 + 1)
    return {"bucket_ps": -(-makespan_ps // buckets), "bucket_count": buckets, "links": links, "pes": pes, "hbm": hbm}


def sim_run(dispatches=700, buckets=120, seed=1, is_fused=False, links=0):
    """A model on a simulated machine: a prompt and tokens, four layers in two stages each."""
    stream = Stream(seed, is_fused)
    passes = max(1, dispatches // (4 * len(LAYER)))
    stage = 0
    for number in range(passes):
        begin = stream.now
        name = "prompt" if number == 0 else f"token {number}"
        for half in range(2):
            stage += stream.buffer(f"{name} layers {2 * half}-{2 * half + 1}", (2 * half, 2 * half + 1),
                                   6 if number == 0 else 1, stage, number == passes - 1 and half == 1)
        stream.host.append({"label": f"wait for {name}", "start_ps": stream.host[-1]["end_ps"], "end_ps": stream.now})
        stream.tokens.append({"label": name, "start_ps": begin, "end_ps": stream.now})
        stream.step("sync", 700_000)
    regions, grid_links, pes, hbm = grid(sips=2 if links <= 4000 else 3)
    weights = {"dispatch": 2, "compute": 40, "dma": 30, "queue": 8, "barrier": 6, "idle": 14}
    pe_parts = [{name: weight * stream.random.uniform(0.7, 1.3) for name, weight in weights.items()} for _ in pes]
    prompt_ps = stream.tokens[0]["end_ps"]
    return {
        "weft_run": 1, "command": COMMAND, "title": "Qwen3 sums on two-sip" + (", fused" if is_fused else ""),
        "device": "sim:machines/two-sip.yaml", "clock": "simulated",
        "machine": {"name": "two-sip", "sips": 2, "cubes": 16, "pes": 8, "regions": regions,
                    "facts": [{"name": "Links between routers", "value": "256 GB/s"}]},
        "model": {"name": "models/sums", "prompt": "348+275=", "answer": "623", "prompt_tokens": 9, "tokens": passes,
                  "prompt_ps": prompt_ps, "decode_ps": stream.tokens[-1]["end_ps"] - prompt_ps},
        "makespan_ps": stream.now, "parts": [{"name": name, "ps": ps} for name, ps in stream.spent.items()],
        "counters": {"command_buffers": len(stream.buffers), "dispatches": len(stream.dispatches),
                     "barriers": sum(buffer["barriers"] for buffer in stream.buffers),
                     "fences_signalled": len(stream.buffers) - 1, "fence_waits": len(stream.buffers) - 1,
                     "syncs": passes},
        "peaks": {"flops_per_second": FLOPS_PER_SECOND, "bytes_per_second": BYTES_PER_SECOND},
        "tracks": [{"name": "Host", "spans": stream.host}, {"name": "Tokens", "spans": stream.tokens}],
        "command_buffers": stream.buffers, "dispatches": stream.dispatches,
        "hazards": [] if is_fused else [
            {"kind": "RAW", "kernel": "attention", "call": "tl_load", "pe": "sip0.cube3.pe7",
             "time_ps": stream.now // 3,
             "text": "attention on sip0.cube3.pe7 reads 512 bytes of the cache that sip0.cube3.pe6 wrote 14.2 ns "
                     "before, and nothing orders the two."},
            {"kind": "overwritten", "kernel": "matmul", "call": "tl_dot", "pe": "sip1.cube0.pe0",
             "time_ps": stream.now // 2,
             "text": "A tile of o_proj is read after another value </script> <b>took</b> its place."}],
        "pes": [{"name": pe["name"], "parts": split(stream.now, parts)} for pe, parts in zip(pes, pe_parts)],
        "activity": activity_of(stream.random, stream.now, buckets, grid_links, pes, hbm),
    }


def host_run(seed=3):
    """The same on the CPU: a timeline and nothing of a machine."""
    run = sim_run(300, 1, seed)
    for name in ("machine", "parts", "peaks", "hazards", "pes", "activity"):
        del run[name]
    for dispatch in run["dispatches"]:
        for name in ("pes", "parts", "compute_bound_ps", "memory_bound_ps"):
            del dispatch[name]
    return {**run, "device": "cpu avx512, threads: 2", "clock": "host", "command": "weft generate --model models/sums",
            "title": "Qwen3 sums on the CPU"}


def bench_run(seed=4):
    """A launch of a bench: PEs and engines, and the one dispatch that they ran."""
    random_ = random.Random(seed)
    makespan = 578_832
    pes = [{"name": f"sip0.cube0.pe{i}", "parts": split(makespan, {
        "dispatch": 0.5, "compute": 44 * random_.uniform(0.9, 1.1), "dma": 55 * random_.uniform(0.9, 1.1)})}
        for i in range(8)]
    totals = {name: sum(pe["parts"][name] for pe in pes) for name in pes[0]["parts"]}
    engines = [{"name": name, "busy_ps": int(busy * makespan * 8), "stall_ps": int(stall * makespan * 8),
                "idle_ps": 8 * makespan - int(busy * makespan * 8) - int(stall * makespan * 8), "bytes": moved}
               for name, busy, stall, moved in (("dma_read", .797, .199, 786432), ("dma_write", .117, .415, 32768),
                                                ("fetch", .332, .2, 786432), ("gemm", .442, .09, 0))]
    return {"weft_run": 1, "command": "weft run qkv-gemm --machine machines/two-sip.yaml",
            "device": "sim:machines/two-sip.yaml", "clock": "simulated",
            "machine": {"name": "two-sip", "sips": 2, "cubes": 16, "pes": 8}, "makespan_ps": makespan,
            "facts": [{"name": "Settings", "value": "m=128 k=256 n=128 dtype=f16"}, {"name": "Commands", "value": 16}],
            "peaks": {"flops_per_second": 65.5e12, "bytes_per_second": 2.048e12},
            "dispatches": [{"op": "qkv-gemm", "start_ps": 0, "end_ps": makespan, "flops": 8388608, "bytes": 819200,
                            "pes": 8, "parts": totals}],
            "engines": engines, "pes": pes}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("sim", "host", "bench"))
    parser.add_argument("--dispatches", type=int, default=700)
    parser.add_argument("--links", type=int, default=0)
    parser.add_argument("--buckets", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fused", action="store_true")
    given = parser.parse_args()
    if given.kind == "sim":
        run = sim_run(given.dispatches, given.buckets, given.seed, given.fused, given.links)
    else:
        run = host_run(given.seed) if given.kind == "host" else bench_run(given.seed)
    print(json.dumps(run))


if __name__ == "__main__":
    main()
