"""A folder of the original LLaVA, exported, against transformers: it loads, and an image gives the same logits.

    python check_original.py FOLDER PROGRAM

Makes small random models as the original code leaves them (anyres and pad) in FOLDER, has `PROGRAM export` write each for
transformers, prepares an image and a question with the exported processor, and compares the logits of the exported model
with those of `PROGRAM forward` of the original folder. Needs torch, transformers 5, tokenizers, safetensors, Pillow.
"""
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import torch
import transformers as tf
from PIL import Image
from safetensors.numpy import save_file
from safetensors.torch import load_file
from safetensors.torch import save_file as save_tensors
from tokenizers import Tokenizer, decoders, models, normalizers, processors, trainers

from expected_models import CLIP, TEXT, redraw

WORDS = ["USER: Is the axis of this ECG normal? ASSISTANT: Yes, it is.", "What is the rate? 72 per minute, sinus rhythm."]


def tokenizer(folder):
    """A byte-pair tokenizer as Llama's is converted; the number of its tokens."""
    result = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    result.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    result.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    result.train_from_iterator(WORDS, trainers.BpeTrainer(
        vocab_size=90, special_tokens=["<unk>", "<s>", "</s>"], initial_alphabet=["\n", "\u2581"], show_progress=False))
    result.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    result.save(os.path.join(folder, "tokenizer.json"))
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as file:
        json.dump(dict(bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<unk>",
                       tokenizer_class="LlamaTokenizer"), file)
    with open(os.path.join(folder, "special_tokens_map.json"), "w") as file:
        json.dump(dict(pad_token="<unk>"), file)
    return result.get_vocab_size()


def original(folder, aspect, pinpoints):
    tower = os.path.join(folder, "vision_tower")
    os.makedirs(tower)
    text = {**TEXT, "vocab_size": tokenizer(folder)}
    # Height first for transformers, width first in the original's config.json.
    config = (tf.LlavaNextConfig(text_config=text, vision_config=CLIP, image_grid_pinpoints=[p[::-1] for p in pinpoints])
              if aspect == "anyres" else tf.LlavaConfig(text_config=text, vision_config=CLIP))
    model = (tf.LlavaNextForConditionalGeneration if aspect == "anyres" else tf.LlavaForConditionalGeneration)(config)
    redraw(model, torch.Generator().manual_seed(3))
    converted = os.path.join(folder, "converted")
    model.save_pretrained(converted)
    own, seeing = {}, {}
    for name, value in load_file(os.path.join(converted, "model.safetensors")).items():
        if name.startswith("vision_tower."):
            seeing["vision_model." + name.removeprefix("vision_tower.").removeprefix("vision_model.")] = value
        elif name.startswith("language_model."):
            own[name.removeprefix("language_model.")] = value
        else:
            own["model." + name.replace("multi_modal_projector.linear_1", "mm_projector.0")
                .replace("multi_modal_projector.linear_2", "mm_projector.2")] = value
    shutil.rmtree(converted)
    save_tensors(own, os.path.join(folder, "model.safetensors"))
    save_tensors(seeing, os.path.join(tower, "model.safetensors"))
    with open(os.path.join(tower, "config.json"), "w") as file:
        json.dump(CLIP, file)
    fields = {**text, "model_type": "llava_llama", "mm_vision_tower": "some/tower", "mm_projector_type": "mlp2x_gelu",
              "mm_vision_select_layer": -2, "mm_vision_select_feature": "patch", "image_aspect_ratio": aspect,
              "bos_token_id": 1, "eos_token_id": 2, "tie_word_embeddings": False}
    if aspect == "anyres":
        fields |= {"mm_patch_merge_type": "spatial_unpad", "image_grid_pinpoints": pinpoints}
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(fields, file)
    return text["vocab_size"]


def compare(folder, program, words):
    saved = folder + "-exported"
    subprocess.run([program, "export", folder, saved], check=True)
    model, report = tf.AutoModelForImageTextToText.from_pretrained(saved, output_loading_info=True, dtype=torch.float32)
    problems = {k: list(v) for k, v in report.items() if v}
    assert not problems, problems
    processor = tf.AutoProcessor.from_pretrained(saved)
    prompt = processor.apply_chat_template(
        [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Is the axis normal?"}]}],
        add_generation_prompt=True)
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 255, (40, 150, 3), dtype=np.uint8))
    inputs = processor(images=picture, text=prompt, return_tensors="pt")
    image = model.config.image_token_index if hasattr(model.config, "image_token_index") else model.config.image_token_id
    rows = model.get_input_embeddings().weight.shape[0]
    print(type(model).__name__, type(processor).__name__, "image id", image, "rows", rows, "of", words, "prompt", repr(prompt))
    print("image tokens", int((inputs["input_ids"] == image).sum()), "pad", processor.tokenizer.pad_token_id)
    assert image == words and rows % 64 == 0 and rows > words + 1 and processor.tokenizer.pad_token_id == words + 1
    with torch.no_grad():
        expected = model.eval()(**inputs).logits[..., :words].numpy()
    given = {"in." + k: v.numpy() for k, v in inputs.items() if k in
             ("input_ids", "attention_mask", "pixel_values", "image_sizes")}
    save_file({k: np.ascontiguousarray(v) for k, v in given.items()}, os.path.join(folder, "in.safetensors"))
    out = os.path.join(folder, "out.safetensors")
    subprocess.run([program, "forward", "--model", folder, "--input", os.path.join(folder, "in.safetensors"), "--out", out],
                   check=True, stdout=subprocess.DEVNULL)
    found = load_file(out)["out.logits"].numpy()
    error = float(np.abs(found - expected).max())
    print("largest difference of the logits:", error, "of", float(np.abs(expected).max()))
    text = processor.decode(model.generate(**inputs, max_new_tokens=3)[0], skip_special_tokens=True)
    print("generates:", repr(text))
    return error < 1e-4


if __name__ == "__main__":
    fine = True
    for aspect in ("anyres", "pad"):
        place = os.path.join(sys.argv[1], aspect)
        fine &= compare(place, sys.argv[2], original(place, aspect, [[28, 112], [84, 28]]))
    sys.exit(0 if fine else 1)
