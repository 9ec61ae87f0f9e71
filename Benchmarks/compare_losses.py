"""Times evl-dist and its peers in turns and prints ratios; started by Benchmarks/compare-losses."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from importlib.metadata import version

HERE = os.path.dirname(os.path.abspath(__file__))

SETTINGS = [("untuned", "untuned"), ('"medium"', "medium"), ("MKL's widest kernels", "shim")]


def in_every_setting(forms):
    return [(f"PyTorch {label}: {name}", setting, form) for label, setting in SETTINGS for name, form in forms]


SINKHORN_FORMS = in_every_setting(
    [
        ("scaling by bmm, row vectors", "torch_bmm"),
        ("the same, transposed copy", "torch_bmm_copy"),
        ("the first under `torch.compile`", "torch_bmm_compiled"),
    ]
) + [
    ("PyTorch: log domain", "shim", "torch_log"),
    ("PyTorch: log domain under `torch.compile`", "shim", "torch_log_compiled"),
    ("POT `ot.batch`, scaling", "untuned", "pot_batch"),
    ("POT `ot.batch`, scaling, MKL's widest kernels", "shim", "pot_batch"),
    ("POT `ot.sinkhorn`, one by one", "shim", "pot_each"),
    ("GeomLoss, log domain", "shim", "geomloss"),
]
LOSS_FORMS = in_every_setting(
    [
        ("attention as written, `cdist`", "plain_cdist"),
        ("attention as written, distances by products", "plain_product"),
        ("`scaled_dot_product_attention`, `cdist`", "fused_cdist"),
        ("`scaled_dot_product_attention`, distances by products", "fused_product"),
        ("the last under `torch.compile`", "compiled"),
    ]
)


class Peer:
    """A worker process; it waits while others are timed."""

    def __init__(self, setting, shim):
        environment = dict(os.environ)
        if setting == "shim":
            environment["LD_PRELOAD"] = shim
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "peers.py"), setting],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def ask(self, suite, form, what):
        self.process.stdin.write(f"{suite} {form} {what}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"compare-losses: the peer failed at {suite} {form}")
        return json.loads(line)


def ours(program, name, runs):
    command = [program, "bench", name, "--json", "--repetitions", str(runs)]
    results = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    memory = [r["median"] for r in results if r["unit"] == "MB"]
    return results[0]["median"], (memory or [None])[0]


def compare(name, forms, peers, arguments):
    """Medians of each round: ours and every form's, in turns, with ours measured before each form."""
    mine, theirs = [], {form: [] for form in forms}
    ratios = {form: [] for form in forms}
    for _ in range(arguments.rounds):
        for form in forms:
            own, _ = ours(arguments.program, name, arguments.runs)
            other = statistics.median(peers[form[1]].ask(name, form[2], arguments.runs))
            mine.append(own)
            theirs[form].append(other)
            ratios[form].append(other / own)
    return mine, theirs, ratios


def spread(values, digits):
    return " / ".join(f"{v:.{digits}f}" for v in (min(values), statistics.median(values), max(values)))


def table(title, mine, theirs, ratios):
    print(f"\n### {title}\n\n| | ms: min / median / max | times evl-dist's: min / median / max |\n|---|---|---|")
    print(f"| **evl-dist** | {spread(mine, 1)} | 1 |")
    for form in theirs:
        print(f"| {form[0]} | {spread(theirs[form], 1)} | {spread(ratios[form], 2)} |")


def agree(suite, forms, peers, tolerance):
    """Forms that compute different things are not to be compared."""
    values = {form: peers[form[1]].ask(suite, form[2], "value") for form in forms}
    reference = values[forms[0]]
    for form, value in values.items():
        if value is None:
            continue
        error = max(abs(a - b) / abs(b) for a, b in zip(value, reference))
        if error > tolerance:
            raise SystemExit(f"compare-losses: {form[0]} is off by {error:.1e}")


def processor():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    wide = "with" if "avx512f" in open("/proc/cpuinfo").read() else "without"
    return f"{names[0] if names else platform.processor()}, {wide} AVX-512"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--shim", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    peers = {setting: Peer(setting, arguments.shim) for setting in ("untuned", "medium", "shim")}
    agree("sinkhorn", SINKHORN_FORMS, peers, 1e-5)
    agree("losses", LOSS_FORMS, peers, 1e-5)

    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "POT", "geomloss"))
    print(f"{processor()}; one thread; {packages}; float32.")
    print(f"{arguments.rounds} rounds of {arguments.runs} runs each, evl-dist before every peer; medians of rounds.")
    table("Sinkhorn: 32 problems of 256 x 64, 100 sweeps", *compare("sinkhorn", SINKHORN_FORMS, peers, arguments))
    title = "Three losses, forward and backward: B = 8, Ls = 192, Lt = 384, Ds = 576, Dt = 1024, 9 heads, 256 x 64 tokens"
    table(title, *compare("losses", LOSS_FORMS, peers, arguments))

    _, memory = ours(arguments.program, "losses", 1)
    print("\n### Memory of the three losses beyond the inputs, gradients included\n\n| | MB | times evl-dist's |\n|---|---|---|")
    print(f"| **evl-dist** | {memory:.1f} | 1 |")
    for form in LOSS_FORMS[5:9]:
        bytes_taken = peers[form[1]].ask("losses", form[2], "memory")
        print(f"| {form[0]} | {bytes_taken / 1e6:.1f} | {bytes_taken / 1e6 / memory:.2f} |")


main()
