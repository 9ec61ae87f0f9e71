"""All-reduce of floats over gloo, as PyTorch's data-parallel training does it; started by compare_reduce.py.

Prints one line of JSON: by size in MB, the milliseconds of each run, of the slowest process.
"""

import argparse
import json
import os
import socket
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing


def work(rank, options, port):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=options.ranks)
    result = {}
    for size in options.megabytes:
        gradient = torch.ones(size << 18)
        dist.all_reduce(gradient)
        runs = []
        for _ in range(options.runs):
            dist.barrier()
            start = time.perf_counter()
            dist.all_reduce(gradient)
            seconds = torch.tensor([time.perf_counter() - start], dtype=torch.float64)
            gradient.fill_(1)
            dist.all_reduce(seconds, op=dist.ReduceOp.MAX)
            runs.append(1e3 * seconds.item())
        result[size] = runs
    if rank == 0:
        print(json.dumps(result), flush=True)
    dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("megabytes", type=int, nargs="+")
    parser.add_argument("--ranks", type=int, required=True)
    parser.add_argument("--runs", type=int, required=True)
    options = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    multiprocessing.spawn(work, args=(options, port), nprocs=options.ranks)


if __name__ == "__main__":
    main()
