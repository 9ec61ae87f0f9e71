"""A training step of an Idefics3-shaped model in PyTorch, as its users write it; started by compare_step.py.

Prints one line of JSON: seconds of each step, and the resident memory in MB before the model was made.
"""

import argparse
import json
import resource
import time

import torch

from training_step import add_arguments, loss, make_input, make_model, read_config


def main():
    parser = argparse.ArgumentParser()
    add_arguments(parser, ["f32", "autocast", "bf16"])
    parser.add_argument("--medium", action="store_true")
    options = parser.parse_args()
    if options.medium:
        torch.set_float32_matmul_precision("medium")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    config = read_config(options.shape)
    kind = torch.bfloat16 if options.precision == "bf16" else torch.float32
    model = make_model(config, kind)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    sample = make_input(config, options.text_tokens, kind)

    def step():
        loss(model, sample, options.precision).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    step()
    seconds = []
    for _ in range(options.runs):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": seconds, "resident_before": before}))


main()
