"""Times a training step of evl-dist and of PyTorch in turns and prints ratios; started by Benchmarks/compare-step."""

import argparse
import json
import os
import statistics
import subprocess
import sys
from importlib.metadata import version

from machine import describe_machine

HERE = os.path.dirname(os.path.abspath(__file__))

# Name, arguments of evl-dist's benchmark.
OURS = [
    ("f32", ["--precision", "f32"]),
    ("f32, blocks recomputed", ["--precision", "f32", "--recompute"]),
    ("bf16", ["--precision", "bf16"]),
]
# Name, arguments of step_peer.py, whether MKL is told to take its widest kernels.
THEIRS = [
    ("f32, untuned", ["f32"], False),
    ('f32, "medium"', ["f32", "--medium"], False),
    ("f32, MKL's widest kernels", ["f32"], True),
    ("autocast to bf16", ["autocast"], True),
    ("bf16 throughout", ["bf16"], True),
]


def run(command, environment=None):
    """Standard output of a command and its peak resident memory in MB; None where it failed."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        print(f"compare-step: {' '.join(command)} ended with status {status}", file=sys.stderr)
        return None
    return json.loads(output), usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--shim", required=True)
    parser.add_argument("--shape", required=True, help="folder with the config.json of the shape")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--runs", type=int, default=2, help="steps timed a round, after one that warms up")
    parser.add_argument("--text-tokens", type=int, default=128)
    parser.add_argument("--only", default="", help="leave out peers whose name lacks this text")
    options = parser.parse_args()
    shape = ["--shape", options.shape, "--text-tokens", str(options.text_tokens)]
    peers = [peer for peer in THEIRS if options.only in peer[0]]
    seconds, memory, notes = {}, {}, {}

    def keep(name, times, peak):
        seconds.setdefault(name, []).extend(times)
        memory[name] = max(memory.get(name, 0), peak)

    for _ in range(options.rounds):
        for name, arguments in OURS:
            command = [options.program, "bench", "model", "--json", "--repetitions", str(options.runs)]
            result = run(command + shape + arguments)
            if result is None:
                sys.exit(1)
            step, products, activations = result[0]
            keep(f"evl-dist {name}", step["runs"], result[1])
            notes[f"evl-dist {name}"] = (products["note"], activations["maximum"])
        for name, arguments, shimmed in peers:
            environment = dict(os.environ, LD_PRELOAD=options.shim) if shimmed else dict(os.environ)
            command = [sys.executable, os.path.join(HERE, "step_peer.py"), "--runs", str(options.runs)]
            result = run(command + shape + arguments, environment)
            if result is not None:
                keep(f"PyTorch {name}", result[0]["seconds"], result[1])
                notes[f"PyTorch {name}"] = ("", result[0]["resident_before"])
    report(options, seconds, memory, notes)


def report(options, seconds, memory, notes):
    print(f"{describe_machine()}; torch {version('torch')}, transformers {version('transformers')}.")
    print(f"One image, {options.text_tokens} tokens of text behind its own, batch 1: forward, cross-entropy, backward,")
    print("AdamW. Seconds a step, one thread each; ratio: PyTorch's over evl-dist's, in the same round and run.\n")
    print("| | min | median | max | peak resident MB |")
    print("|---|---|---|---|---|")
    for name, times in seconds.items():
        figures = " | ".join(f"{value:.2f}" for value in (min(times), statistics.median(times), max(times)))
        print(f"| {name} | {figures} | {memory[name]:.0f} |")
    for own in [name for name in seconds if name.startswith("evl-dist")]:
        print(f"\n**{own}**: its products {notes[own][0]}; activations and their gradients {notes[own][1]:.0f} MB.\n")
        print("| times as fast as | min | median | max | share of its peak memory |")
        print("|---|---|---|---|---|")
        for name in [name for name in seconds if name.startswith("PyTorch")]:
            ratios = [theirs / ours for theirs, ours in zip(seconds[name], seconds[own])]
            figures = " | ".join(f"{value:.2f}" for value in (min(ratios), statistics.median(ratios), max(ratios)))
            print(f"| {name} | {figures} | {memory[own] / memory[name]:.2f} |")


main()
