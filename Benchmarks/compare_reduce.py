"""Times the ordered fold, MPI_Allreduce and gloo in turns and prints ratios; started by Benchmarks/compare-reduce."""

import argparse
import json
import os
import statistics
import subprocess
import sys
from importlib.metadata import version

from machine import describe_machine

HERE = os.path.dirname(os.path.abspath(__file__))
MEGABYTES = (64, 512)


def run(command):
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--launcher", required=True)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    ours = [options.launcher, "-n", str(options.ranks), "--", "bench"]
    times, bandwidth = {}, []
    for _ in range(options.rounds):
        bandwidth += run(ours + ["memory", "--json", "--repetitions", str(options.runs)])[0]["runs"]
        for result in run(ours + ["reduce", "--json", "--repetitions", str(options.runs)]):
            times.setdefault(result["name"], []).extend(result["runs"])
        peer = [sys.executable, os.path.join(HERE, "reduce_peer.py"), "--ranks", str(options.ranks)]
        for size, runs in run(peer + ["--runs", str(options.runs)] + [str(m) for m in MEGABYTES]).items():
            times.setdefault(f"gloo, {size} MB", []).extend(runs)
    report(options, times, bandwidth)


def report(options, times, bandwidth):
    print(f"{describe_machine()}; torch {version('torch')}; {options.ranks} ranks.\n")
    print("| milliseconds | min | median | max |")
    print("|---|---|---|---|")
    for name, runs in times.items():
        print(f"| {name} | {min(runs):.1f} | {statistics.median(runs):.1f} | {max(runs):.1f} |")
    print("\n| times as fast as | min | median | max |")
    print("|---|---|---|---|")
    for size in MEGABYTES:
        fold = times[f"ordered fold, {size} MB"]
        for peer in (f"MPI_Allreduce, {size} MB", f"gloo, {size} MB"):
            ratios = [theirs / own for theirs, own in zip(times[peer], fold)]
            print(f"| {peer} | {min(ratios):.1f} | {statistics.median(ratios):.1f} | {max(ratios):.1f} |")
    print(f"\nAll ranks adding arrays: {max(bandwidth):.1f} GB/s at best, {statistics.median(bandwidth):.1f} median.\n")
    for size in MEGABYTES:
        # Each rank's gradient is read once and the sum written once.
        moved = (options.ranks + 1) * size * 2**20 / 1e6
        fold = times[f"ordered fold, {size} MB"]
        print(
            f"The fold of {size} MB moves {moved / 1e3:.2f} GB: {moved / statistics.median(fold):.1f} GB/s, "
            f"{statistics.median(bandwidth) / (moved / statistics.median(fold)):.2f} times the time that takes."
        )


main()
