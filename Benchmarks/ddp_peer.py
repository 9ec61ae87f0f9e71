"""Data-parallel steps of an Idefics3-shaped model in PyTorch over gloo, as its users write them; started by compare_ddp.py.

Prints one line of JSON: seconds of each step, of the slowest process, and the memory of all processes in MB, pages that
they share counted once.
"""

import argparse
import json

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from gloo import slowest_seconds, spawn
from training_step import add_arguments, loss, make_input, make_model, read_config


def proportional_megabytes():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("Pss:"))


def work(rank, options):
    config = read_config(options.shape)
    model = make_model(config)
    parallel = DistributedDataParallel(model, gradient_as_bucket_view=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    sample = make_input(config, options.text_tokens)

    def step():
        loss(parallel, sample, options.precision).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)

    step()
    step()
    runs = [slowest_seconds(step) for _ in range(options.runs)]
    dist.barrier()
    resident = torch.tensor([proportional_megabytes()], dtype=torch.float64)
    dist.all_reduce(resident)
    if rank == 0:
        print(json.dumps({"seconds": runs, "resident": resident.item()}), flush=True)


def main():
    parser = argparse.ArgumentParser()
    add_arguments(parser, ["f32", "autocast"])
    parser.add_argument("--ranks", type=int, required=True)
    spawn(work, parser.parse_args())


if __name__ == "__main__":
    main()
