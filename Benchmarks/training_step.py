"""What the training steps in PyTorch have in common: an Idefics3-shaped model with random weights and its input."""

import contextlib

import torch
from transformers import AutoConfig, Idefics3ForConditionalGeneration


def add_arguments(parser, precisions):
    parser.add_argument("precision", choices=precisions)
    parser.add_argument("--shape", required=True)
    parser.add_argument("--text-tokens", type=int, required=True)
    parser.add_argument("--runs", type=int, required=True)


def make_model(config, kind=torch.float32):
    torch.manual_seed(1)
    torch.set_default_dtype(kind)
    model = Idefics3ForConditionalGeneration._from_config(config, attn_implementation="sdpa")
    torch.set_default_dtype(torch.float32)
    return model.train()


def read_config(shape):
    return AutoConfig.from_pretrained(shape)


def make_input(config, text_tokens, kind=torch.float32):
    """One sample: an image and text behind it, which is learned."""
    vision = config.vision_config
    tokens = (vision.image_size // vision.patch_size // config.scale_factor) ** 2
    ids = torch.full((1, tokens + text_tokens), 1)
    ids[0, :tokens] = config.image_token_id
    labels = ids.clone()
    labels[0, :tokens] = -100
    pixels = torch.rand(1, 1, 3, vision.image_size, vision.image_size, dtype=kind) * 2 - 1
    return {"input_ids": ids, "pixel_values": pixels, "labels": labels, "use_cache": False}


def loss(model, sample, precision):
    cast = torch.autocast("cpu", torch.bfloat16) if precision == "autocast" else contextlib.nullcontext()
    with cast:
        return model(**sample).loss
