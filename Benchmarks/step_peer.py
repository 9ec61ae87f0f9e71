"""A training step of an Idefics3-shaped model in PyTorch, as its users write it; started by compare_step.py.

Prints one line of JSON: seconds of each step, and the resident memory in MB before the model was made.
"""

import argparse
import contextlib
import json
import resource
import time

import torch
from transformers import AutoConfig, Idefics3ForConditionalGeneration


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("precision", choices=["f32", "autocast", "bf16"])
    parser.add_argument("--medium", action="store_true")
    parser.add_argument("--shape", required=True)
    parser.add_argument("--text-tokens", type=int, required=True)
    parser.add_argument("--runs", type=int, required=True)
    options = parser.parse_args()
    if options.medium:
        torch.set_float32_matmul_precision("medium")
    torch.manual_seed(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    config = AutoConfig.from_pretrained(options.shape)
    kind = torch.bfloat16 if options.precision == "bf16" else torch.float32
    torch.set_default_dtype(kind)
    model = Idefics3ForConditionalGeneration._from_config(config, attn_implementation="sdpa")
    torch.set_default_dtype(torch.float32)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    vision = config.vision_config
    tokens = (vision.image_size // vision.patch_size // config.scale_factor) ** 2
    ids = torch.full((1, tokens + options.text_tokens), 1)
    ids[0, :tokens] = config.image_token_id
    labels = ids.clone()
    labels[0, :tokens] = -100
    pixels = torch.rand(1, 1, 3, vision.image_size, vision.image_size, dtype=kind) * 2 - 1

    def step():
        cast = torch.autocast("cpu", torch.bfloat16) if options.precision == "autocast" else contextlib.nullcontext()
        with cast:
            loss = model(input_ids=ids, pixel_values=pixels, labels=labels, use_cache=False).loss
        loss.backward()
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
