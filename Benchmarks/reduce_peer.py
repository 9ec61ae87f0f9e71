"""All-reduce of floats over gloo, as PyTorch's data-parallel training does it; started by compare_reduce.py.

Prints one line of JSON: by size in MB, the milliseconds of each run, of the slowest process.
"""

import argparse
import json

import torch
import torch.distributed as dist

from gloo import slowest_seconds, spawn


def work(rank, options):
    result = {}
    for size in options.megabytes:
        gradient = torch.ones(size << 18)
        dist.all_reduce(gradient)
        runs = []
        for _ in range(options.runs):
            gradient.fill_(1)
            runs.append(1e3 * slowest_seconds(lambda: dist.all_reduce(gradient)))
        result[size] = runs
    if rank == 0:
        print(json.dumps(result), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("megabytes", type=int, nargs="+")
    parser.add_argument("--ranks", type=int, required=True)
    parser.add_argument("--runs", type=int, required=True)
    spawn(work, parser.parse_args())


if __name__ == "__main__":
    main()
