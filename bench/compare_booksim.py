#!/usr/bin/env python3
"""Compares the mesh of `weft probe --traffic` with BookSim2: mean packet latency, and simulated cycles in a second.

usage: compare_booksim.py --booksim PROGRAM [--weft PROGRAM] [--machine FILE] [--cycles N]

BookSim2 is not part of this project; build it from its sources. Both simulators get the same mesh, router and load, and
random numbers of their own. Each row is one run of either, so a latency is good to about one percent."""

import argparse
import json
import re
import subprocess
import tempfile
import time
from pathlib import Path

CONFIGURATION = """
topology = mesh; k = 8; n = 2; routing_function = dor;
vc_allocator = islip; sw_allocator = islip; alloc_iters = 1;
credit_delay = 2; routing_delay = 0; vc_alloc_delay = 1; sw_alloc_delay = 1;
sim_type = latency; injection_rate_uses_flits = 1; seed = 1;
warmup_periods = 2; max_samples = 4;
"""

PATTERNS = {"uniform": "uniform", "transpose": "transpose", "bit-complement": "bitcomp", "tornado": "tornado",
            "neighbour": "neighbor"}

# Flits of a packet, virtual channels, whether a channel waits for its tail's credit, input speed-up, pattern, rates.
ROWS = [
    (1, 8, False, 1, "uniform", (0.1, 0.2, 0.3)),
    (4, 4, False, 1, "uniform", (0.1, 0.2, 0.3)),
    (4, 1, False, 1, "uniform", (0.1, 0.15, 0.2)),
    (16, 8, False, 1, "uniform", (0.1, 0.2, 0.3)),
    (20, 8, True, 2, "uniform", (0.1, 0.2, 0.3)),
    (4, 8, False, 1, "transpose", (0.05, 0.1)),
    (4, 8, False, 1, "bit-complement", (0.05, 0.1, 0.2)),
    (4, 8, False, 1, "tornado", (0.1, 0.2)),
    (4, 8, False, 1, "neighbour", (0.1, 0.2, 0.3)),
]


def booksim(program, cycles, row, rate):
    """(mean latency or None if unstable, cycles in a second)"""
    flits, channels, tail_credit, speedup, pattern, _ = row
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder) / "mesh"
        configuration.write_text(CONFIGURATION)
        begin = time.monotonic()
        result = subprocess.run(
            [program, str(configuration), f"num_vcs={channels}", "vc_buf_size=8", f"packet_size={flits}",
             f"wait_for_tail_credit={int(tail_credit)}", f"input_speedup={speedup}", f"injection_rate={rate}",
             f"traffic={PATTERNS[pattern]}", f"sample_period={cycles // 3}"], capture_output=True, text=True)
        seconds = time.monotonic() - begin
    latencies = re.findall(r"Packet latency average = ([0-9.]+)", result.stdout)
    taken = re.search(r"Time taken is ([0-9]+) cycles", result.stdout)
    unstable = "unstable" in result.stdout.lower() or not latencies
    return None if unstable else float(latencies[-1]), int(taken.group(1)) / seconds if taken else 0.0


def weft(program, machine, cycles, row, rate):
    flits, channels, tail_credit, speedup, pattern, _ = row
    settings = {"cube.vcs": channels, "cube.buffer_flits": 8, "cube.arbitration": "round_robin",
                "cube.input_speedup": speedup, "cube.credit_ns": 2, "cube.vc_ns": 1,
                "cube.tail_credit": str(tail_credit).lower()}
    command = [program, "probe", "--machine", machine, "--traffic", pattern, "--rate", str(rate), "--packet-flits",
               str(flits), "--cycles", str(cycles), "--warmup", str(cycles // 5), "--seed", "1", "--json"]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    begin = time.monotonic()
    result = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    seconds = time.monotonic() - begin
    return result["latency_mean"] if result["is_stable"] else None, result["cycles_run"] / seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--booksim", required=True, help="the program booksim")
    parser.add_argument("--weft", default="build/release/tools/weft/weft")
    parser.add_argument("--machine", default="machines/mesh-8x8.yaml")
    parser.add_argument("--cycles", type=int, default=15000, help="that are measured in each run")
    arguments = parser.parse_args()

    print(f"{'pattern':<15} {'flits':>5} {'VCs':>3} {'rate':>5} {'BookSim2':>9} {'weft':>9} {'error':>7} "
          f"{'BookSim2 c/s':>13} {'weft c/s':>10} {'ratio':>6}")
    for row in ROWS:
        for rate in row[-1]:
            theirs, their_speed = booksim(arguments.booksim, arguments.cycles, row, rate)
            ours, our_speed = weft(arguments.weft, arguments.machine, arguments.cycles, row, rate)
            error = f"{100 * (ours / theirs - 1):+6.1f}%" if ours and theirs else "      -"
            ratio = f"{our_speed / their_speed:6.0f}" if their_speed else "     -"
            print(f"{row[4]:<15} {row[0]:>5} {row[1]:>3} {rate:>5} {theirs or float('nan'):>9.2f} "
                  f"{ours or float('nan'):>9.2f} {error} {their_speed:>13.0f} {our_speed:>10.0f} {ratio}", flush=True)


if __name__ == "__main__":
    main()
