"""Processes of PyTorch that reduce over gloo, one thread each."""

import os
import socket
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing


def spawn(work, options):
    """Runs work(rank, options) in options.ranks processes that are joined."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    multiprocessing.spawn(join, args=(work, options, port), nprocs=options.ranks)


def join(rank, work, options, port):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=options.ranks)
    work(rank, options)
    dist.destroy_process_group()


def slowest_seconds(body):
    """Seconds that the body takes, begun together, of the slowest process."""
    dist.barrier()
    start = time.perf_counter()
    body()
    seconds = torch.tensor([time.perf_counter() - start], dtype=torch.float64)
    dist.all_reduce(seconds, op=dist.ReduceOp.MAX)
    return seconds.item()
