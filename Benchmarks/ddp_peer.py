"""Data-parallel steps of an Idefics3-shaped model in PyTorch over gloo, as its users write them; started by compare_ddp.py.

Prints one line of JSON: seconds of each step, of the slowest process, and the memory of all processes in MB, pages that
they share counted once.
"""

import argparse
import contextlib
import json
import os
import socket
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from torch.nn.parallel import DistributedDataParallel
from transformers import AutoConfig, Idefics3ForConditionalGeneration


def proportional_megabytes():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("Pss:"))


def work(rank, options, port):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=options.ranks)
    torch.manual_seed(1)
    config = AutoConfig.from_pretrained(options.shape)
    model = Idefics3ForConditionalGeneration._from_config(config, attn_implementation="sdpa")
    model.train()
    parallel = DistributedDataParallel(model, gradient_as_bucket_view=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    vision = config.vision_config
    tokens = (vision.image_size // vision.patch_size // config.scale_factor) ** 2
    ids = torch.full((1, tokens + options.text_tokens), 1)
    ids[0, :tokens] = config.image_token_id
    labels = ids.clone()
    labels[0, :tokens] = -100
    pixels = torch.rand(1, 1, 3, vision.image_size, vision.image_size) * 2 - 1

    def step():
        cast = torch.autocast("cpu", torch.bfloat16) if options.precision == "autocast" else contextlib.nullcontext()
        with cast:
            loss = parallel(input_ids=ids, pixel_values=pixels, labels=labels, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)

    step()
    step()
    runs = []
    for _ in range(options.runs):
        dist.barrier()
        start = time.perf_counter()
        step()
        seconds = torch.tensor([time.perf_counter() - start], dtype=torch.float64)
        dist.all_reduce(seconds, op=dist.ReduceOp.MAX)
        runs.append(seconds.item())
    dist.barrier()
    resident = torch.tensor([proportional_megabytes()], dtype=torch.float64)
    dist.all_reduce(resident)
    if rank == 0:
        print(json.dumps({"seconds": runs, "resident": resident.item()}), flush=True)
    dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("precision", choices=["f32", "autocast"])
    parser.add_argument("--shape", required=True)
    parser.add_argument("--ranks", type=int, required=True)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--text-tokens", type=int, required=True)
    options = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    multiprocessing.spawn(work, args=(options, port), nprocs=options.ranks)


if __name__ == "__main__":
    main()
