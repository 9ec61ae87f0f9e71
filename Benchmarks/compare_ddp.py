"""Times data-parallel steps of evl-dist and of PyTorch in turns and prints ratios; started by Benchmarks/compare-ddp."""

import argparse
import json
import os
import statistics
import subprocess
import sys
from importlib.metadata import version

from machine import describe_machine

HERE = os.path.dirname(os.path.abspath(__file__))

# Name, arguments of evl-dist's benchmark, the peers it is held against.
OURS = {"f32": ["f32, untuned", "f32, MKL's widest kernels"], "bf16": ["autocast to bf16"]}
# Name, arguments of ddp_peer.py, whether MKL is told to take its widest kernels.
THEIRS = {
    "f32, untuned": (["f32"], False),
    "f32, MKL's widest kernels": (["f32"], True),
    "autocast to bf16": (["autocast"], True),
}


def run(command, environment=None):
    """A command's result; None where it failed."""
    outcome = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment)
    if outcome.returncode != 0:
        print(f"compare-ddp: {' '.join(command)} ended with status {outcome.returncode}", file=sys.stderr)
        return None
    return json.loads(outcome.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--launcher", required=True)
    parser.add_argument("--shim", required=True)
    parser.add_argument("--shape", required=True, help="folder with the config.json of the shape")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3, help="steps timed a round, after one that warms up")
    parser.add_argument("--text-tokens", type=int, default=128)
    options = parser.parse_args()
    shape = ["--shape", options.shape, "--text-tokens", str(options.text_tokens)]
    rates, memory, notes = {}, {}, {}
    for _ in range(options.rounds):
        for precision in OURS:
            for ranks in (1, options.ranks):
                command = [options.launcher, "-n", str(ranks), "--", "bench", "engine", "--json", "--repetitions"]
                command += [str(options.runs), "--shards", str(options.ranks), "--precision", precision]
                result = run(command + shape)
                if result is None:
                    sys.exit(1)
                figures = {figure["name"]: figure for figure in result}
                name = f"evl-dist {precision}, {ranks} rank{'s' if ranks > 1 else ''}"
                rates.setdefault(name, []).extend(figures["samples a second"]["runs"])
                memory[name] = max(memory.get(name, 0), figures["everything resident"]["maximum"])
                notes[name] = "; ".join(
                    f"{part} {figures[part]['note']}" for part in ("fold", "waiting for other ranks", "norm and AdamW")
                )
            rates.setdefault(f"{options.ranks} programs of one rank, {precision}", []).extend(
                side_by_side(options, precision, shape)
            )
        for name, (arguments, shimmed) in THEIRS.items():
            environment = dict(os.environ, LD_PRELOAD=options.shim) if shimmed else dict(os.environ)
            command = [sys.executable, os.path.join(HERE, "ddp_peer.py"), "--runs", str(options.runs)]
            result = run(command + ["--ranks", str(options.ranks)] + shape + arguments, environment)
            if result is not None:
                rates.setdefault(f"DDP {name}", []).extend(options.ranks / s for s in result["seconds"])
                memory[f"DDP {name}"] = max(memory.get(f"DDP {name}", 0), result["resident"])
    report(options, rates, memory, notes)


def side_by_side(options, precision, shape):
    """Samples a second of programs that share nothing but the machine, one sample a step each: what it has to give."""
    command = [os.environ["EVL_DIST"], "bench", "engine", "--json", "--shards", "1", "--precision", precision]
    command += ["--repetitions", str(options.runs)] + shape
    programs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(options.ranks)]
    outputs = [program.communicate()[0] for program in programs]
    if any(program.returncode for program in programs):
        sys.exit("compare-ddp: a program of one rank failed")
    runs = [next(f["runs"] for f in json.loads(text) if f["name"] == "samples a second") for text in outputs]
    return [sum(rates) for rates in zip(*runs)]


def report(options, rates, memory, notes):
    print(f"{describe_machine()}; torch {version('torch')}, transformers {version('transformers')}.")
    print(f"{options.ranks} samples a step, one a shard; one image and {options.text_tokens} tokens of text each.\n")
    print("| samples a second | min | median | max | resident MB, what is shared counted once |")
    print("|---|---|---|---|---|")
    for name, values in rates.items():
        figures = " | ".join(f"{value:.3f}" for value in (min(values), statistics.median(values), max(values)))
        print(f"| {name} | {figures} | {memory[name]:.0f} |" if name in memory else f"| {name} | {figures} | |")
    print(f"\n| {options.ranks} ranks of evl-dist | against | min | median | max | share of its memory |")
    print("|---|---|---|---|---|---|")
    for precision, peers in OURS.items():
        own = f"evl-dist {precision}, {options.ranks} ranks"
        for name in [f"DDP {peer}" for peer in peers]:
            if name not in rates:
                continue
            ratios = [ours / theirs for ours, theirs in zip(rates[own], rates[name])]
            figures = " | ".join(f"{value:.2f}" for value in (min(ratios), statistics.median(ratios), max(ratios)))
            print(f"| {precision} | {name} | {figures} | {memory[own] / memory[name]:.2f} |")
        alone = [options.ranks * rate for rate in rates[f"evl-dist {precision}, 1 rank"]]
        apart = rates[f"{options.ranks} programs of one rank, {precision}"]
        for name, most in ((f"{options.ranks} times one rank", alone), (f"{options.ranks} programs of one rank", apart)):
            efficiency = [ours / bound for ours, bound in zip(rates[own], most)]
            ordered = (min(efficiency), statistics.median(efficiency), max(efficiency))
            figures = " | ".join(f"{value:.3f}" for value in ordered)
            print(f"| {precision} | {name} | {figures} | |")
    print()
    for name, note in notes.items():
        print(f"- {name}: {note}")


main()
