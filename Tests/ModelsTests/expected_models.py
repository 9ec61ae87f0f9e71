"""Random models of every family with the states, logits, loss and gradients transformers computes for them.

    python expected_models.py generate FOLDER [--recorded]   writes one folder per case: model files and io.safetensors
    python expected_models.py compare FOLDER PROGRAM         runs `PROGRAM forward` on each and compares
    python expected_models.py export FOLDER SAVED            loads what the program saved: same keys, same logits

Needs torch, transformers 5, safetensors, numpy. --recorded writes only the small cases kept in Recorded/, which the
tests of this folder read. `compare` holds the figures against the tolerances of the fixtures' README: 1e-4 absolute for
states and logits, gradients relative to max(largest of the tensor, 1e-3 of the model's largest).
"""
import json
import os
import subprocess
import sys

import numpy as np
import torch
import transformers as tf
from safetensors import safe_open
from safetensors.numpy import save_file
from safetensors.torch import load_file

torch.use_deterministic_algorithms(True)

TEXT = dict(model_type="llama", hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, vocab_size=70, max_position_embeddings=256, rms_norm_eps=1e-5)
SIGLIP = dict(hidden_size=16, intermediate_size=28, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=8)
CLIP = dict(model_type="clip_vision_model", hidden_size=16, intermediate_size=28, num_hidden_layers=3,
            num_attention_heads=2, image_size=28, patch_size=7, projection_dim=8)
PINPOINTS = [[28, 56], [56, 28], [56, 56], [84, 28], [28, 84]]
LLAMA3 = dict(rope_type="llama3", rope_theta=5e4, factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=32)

# name: family, changes of text, of vision, of the top, of the batch
CASES = {
    "idefics3_plain": ("idefics3", {}, {}, dict(scale_factor=2), {}),
    "idefics3_tied": ("idefics3", {}, {}, dict(scale_factor=4, tie_word_embeddings=True), dict(pad="left")),
    "idefics3_gqa_odd": ("idefics3", dict(num_attention_heads=6, num_key_value_heads=1, head_dim=10, num_hidden_layers=3),
                         dict(image_size=54, patch_size=6, num_attention_heads=4), dict(scale_factor=3),
                         dict(images=[2, 1, 0], pad="right", masked=True)),
    "idefics3_scale1": ("smolvlm", dict(num_key_value_heads=4), dict(image_size=24), dict(scale_factor=1),
                        dict(images=[1, 2], pad="right", masked=True)),
    "idefics3_llama3": ("idefics3", dict(rope_parameters=LLAMA3), {}, dict(scale_factor=2),
                        dict(long=60, masked=True)),
    "idefics3_linear_bias": ("idefics3", dict(rope_parameters=dict(rope_type="linear", factor=2.5, rope_theta=2e4),
                                              attention_bias=True, mlp_bias=True, hidden_act="gelu"),
                             dict(hidden_act="gelu"), dict(scale_factor=2), {}),
    "idefics3_large_positions": ("idefics3", {}, dict(image_size=114, patch_size=6), dict(scale_factor=1),
                                 dict(images=[1], masked=True)),
    "idefics3_f16": ("idefics3", {}, {}, dict(scale_factor=2), dict(dtype="float16")),
    "idefics3_bf16_parts": ("idefics3", {}, {}, dict(scale_factor=2), dict(dtype="bfloat16", parts="20KB")),
    "llava_default": ("llava", {}, {}, {}, {}),
    "llava_last": ("llava", dict(num_key_value_heads=4), {}, dict(vision_feature_layer=-1), dict(pad="left")),
    "llava_full": ("llava", {}, {}, dict(vision_feature_select_strategy="full"), dict(pad="right")),
    "llava_list": ("llava", {}, {}, dict(vision_feature_layer=[-2, 1, 0], projector_hidden_act="gelu_pytorch_tanh"), {}),
    "llava_list_full": ("llava", {}, dict(hidden_act="gelu"), dict(
        vision_feature_layer=[-1, -3], vision_feature_select_strategy="full", multimodal_projector_bias=False), {}),
    "llava_mistral": ("llava", dict(model_type="mistral", sliding_window=128, head_dim=8), {}, {}, {}),
    "llava_qwen2": ("llava", dict(model_type="qwen2"), {}, {}, dict(images=[2, 0, 1], pad="right")),
    "llava_tied": ("llava", dict(tie_word_embeddings=True), {}, {}, {}),
    "llava_bf16": ("llava", {}, {}, {}, dict(dtype="bfloat16")),
    "llava_next": ("llava_next", {}, {}, {}, dict(sizes=[(40, 90), (33, 33)])),
    "llava_next_tall": ("llava_next", dict(model_type="mistral", sliding_window=None, num_key_value_heads=2), {}, {},
                        dict(sizes=[(300, 40), (57, 56), (20, 200)], images=[1, 2], pad="left")),
    "llava_next_exact": ("llava_next", {}, {}, dict(vision_feature_layer=[-2, -1]),
                         dict(sizes=[(56, 56), (28, 84), (100, 37), (7, 500)], images=[2, 0, 2], pad="right")),
}
RECORDED = ["idefics3_tied", "llava_list_full", "llava_qwen2", "llava_next"]


def configuration(family, text, vision, top):
    text = {**TEXT, **text}
    if family == "idefics3":
        return tf.Idefics3Config(text_config=text, vision_config={**SIGLIP, **vision}, image_token_id=68, **top)
    if family == "smolvlm":
        return tf.SmolVLMConfig(text_config=text, vision_config={**SIGLIP, **vision}, image_token_id=68, **top)
    common = dict(text_config=text, vision_config={**CLIP, **vision}, image_token_index=68, **top)
    if family == "llava":
        return tf.LlavaConfig(**common)
    return tf.LlavaNextConfig(image_grid_pinpoints=PINPOINTS, **common)


CLASSES = dict(idefics3=tf.Idefics3ForConditionalGeneration, smolvlm=tf.SmolVLMForConditionalGeneration,
               llava=tf.LlavaForConditionalGeneration, llava_next=tf.LlavaNextForConditionalGeneration)


def redraw(model, generator):
    """Weights so large that a wrong formula shows, norms and biases away from 1 and 0."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            if p.dim() > 1:
                fan = p[0].numel() if "embed" not in name or "patch" in name else 1
                p.copy_(noise * (1.2 / fan ** 0.5 if fan > 1 else 0.8))
            else:
                p.copy_(noise * 0.3 + (1 if "norm" in name and "weight" in name else 0))


def batch(family, config, options, generator):
    images = options.get("images", [1, 1])
    vision = config.vision_config
    side, patch = vision.image_size, vision.patch_size
    total = sum(images)
    extra = {}
    if family in ("idefics3", "smolvlm"):
        tokens = [(side // patch // config.scale_factor) ** 2] * total
        most = max(images)
        pixels = torch.zeros(len(images), most, 3, side, side)
        mask = torch.zeros(len(images), most, side, side, dtype=torch.long)
        for sample, count in enumerate(images):
            for i in range(count):
                h, w = side, side
                if options.get("masked") and (sample + i) % 2 == 0:
                    h, w = side - 5 - 3 * i, side // 2 + 3
                pixels[sample, i, :, :h, :w] = torch.randn(3, h, w, generator=generator)
                mask[sample, i, :h, :w] = 1
        extra["pixel_attention_mask"] = mask
    elif family == "llava":
        n = (side // patch) ** 2 + (config.vision_feature_select_strategy == "full")
        tokens = [n] * total
        pixels = torch.randn(total, 3, side, side, generator=generator)
    else:
        from transformers.models.llava_next.modeling_llava_next import image_size_to_num_patches
        sizes = options["sizes"]
        counts = [image_size_to_num_patches(list(s), config.image_grid_pinpoints, side) for s in sizes]
        pixels = torch.zeros(len(sizes), max(counts), 3, side, side)
        for i, count in enumerate(counts):
            pixels[i, :count] = torch.randn(count, 3, side, side, generator=generator)
        extra["image_sizes"] = torch.tensor(sizes)
        from transformers.models.llava_next.processing_llava_next import LlavaNextProcessor
        count_tokens = LlavaNextProcessor._get_number_of_features

        class Settings:  # what _get_number_of_features reads
            class image_processor:
                image_grid_pinpoints = config.image_grid_pinpoints
            patch_size, num_additional_image_tokens, vision_feature_select_strategy = patch, 1, "default"
            _get_unpadded_features = LlavaNextProcessor._get_unpadded_features
        # The processor's count includes the class token that "default" drops.
        tokens = [count_tokens(Settings(), h, w, side, side) - 1 for h, w in sizes]
    texts = []
    place = 0
    for sample, count in enumerate(images):
        words = torch.randint(0, 66, (options.get("long", 7) + 3 * sample,), generator=generator).tolist()
        ids = words[:2]
        for _ in range(count):
            ids += [68] * tokens[place] + words[2:3]
            place += 1
        texts.append(ids + words[3:])
    length = max(map(len, texts)) + (2 if options.get("pad") else 0)
    pad = options.get("pad", "right")
    ids = torch.full((len(texts), length), 69)
    mask = torch.zeros(len(texts), length, dtype=torch.long)
    for row, text in enumerate(texts):
        start = length - len(text) if pad == "left" else 0
        ids[row, start:start + len(text)] = torch.tensor(text)
        mask[row, start:start + len(text)] = 1
    labels = torch.where((mask == 1) & (ids != 68), ids, -100)
    # What stands in front of a text's first token is nothing, or padding, from which nothing can be predicted.
    labels[torch.arange(len(texts)), mask.argmax(1)] = -100
    return dict(input_ids=ids, attention_mask=mask, labels=labels, pixel_values=pixels, **extra)


def hooks(model, family):
    """Records the states under the names of the fixtures."""
    inner, states = model.model, {}

    def keep(name, pick=lambda o: o[0] if isinstance(o, tuple) else o):
        return lambda _m, _i, o: states.__setitem__(name, pick(o).detach())
    if family in ("idefics3", "smolvlm"):
        tower, text = inner.vision_model, inner.text_model
        tower.embeddings.register_forward_hook(keep("vision.embeddings"))
        tower.post_layernorm.register_forward_hook(keep("vision.post_layernorm"))
        inner.connector.register_forward_hook(keep("connector"))
    else:
        tower, text = inner.vision_tower, inner.language_model
        tower = getattr(tower, "vision_model", tower)
        tower.embeddings.register_forward_hook(keep("vision.embeddings"))
        tower.pre_layrnorm.register_forward_hook(keep("vision.pre_layernorm"))
        inner.multi_modal_projector.linear_1.register_forward_hook(keep("projector.linear_1"))
        inner.multi_modal_projector.register_forward_hook(keep("connector"))
    tower.embeddings.patch_embedding.register_forward_hook(keep("vision.patch_conv"))
    for i, layer in enumerate(tower.encoder.layers):
        layer.register_forward_hook(keep(f"vision.layer.{i}"))
    for i, layer in enumerate(text.layers):
        layer.register_forward_hook(keep(f"text.layer.{i}"))
    return states


def file_names(folder):
    names = set()
    for file in os.listdir(folder):
        if file.endswith(".safetensors") and not file.startswith("io"):
            with safe_open(os.path.join(folder, file), "pt") as f:
                names |= set(f.keys())
    return names


def generate(name, folder, small):
    family, text, vision, top, options = CASES[name]
    generator = torch.Generator().manual_seed(list(CASES).index(name) + 1)
    config = configuration(family, text, vision, top)
    model = CLASSES[family](config)
    redraw(model, generator)
    dtype = getattr(torch, options.get("dtype", "float32"))
    model = model.to(dtype)
    os.makedirs(folder, exist_ok=True)
    if "parts" in options:
        model.save_pretrained(folder, max_shard_size=options["parts"])
    else:
        model.save_pretrained(folder)
    # Read back, not converted: a conversion would round the rope's frequencies as well. sdpa alone keeps float64.
    model = CLASSES[family].from_pretrained(folder, dtype=torch.float64, attn_implementation="sdpa").eval()
    inputs = batch(family, config, options, generator)
    states = hooks(model, family)
    given = {k: v.double() if v.is_floating_point() else v for k, v in inputs.items()}
    result = model(**given, output_hidden_states=True)
    result.loss.backward()
    out = {"in." + k: (v.float() if v.is_floating_point() else v).numpy() for k, v in inputs.items()}
    out |= {"out." + k: v.numpy() for k, v in states.items()}
    out |= {f"out.text.hidden_states.{i}": h.detach().numpy() for i, h in enumerate(result.hidden_states)}
    out["out.logits"] = result.logits.detach().numpy()
    out["out.loss"] = result.loss.detach().reshape(1).numpy()
    found = file_names(folder)
    without = []
    for parameter, value in model.named_parameters():
        stored = stored_name(parameter, family)
        assert stored in found, (parameter, stored)
        if value.grad is None:
            without.append(stored)
        else:
            out["grad." + stored] = value.grad.numpy()
    if small:  # single precision is enough to hold them against, and layers are hidden states already
        out = {k: v.astype(np.float32) if v.dtype == np.float64 else v for k, v in out.items() if ".text.layer." not in k}
    meta = {"params_without_grad": json.dumps(without), "transformers": tf.__version__}
    save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, os.path.join(folder, "io.safetensors"), meta)


def stored_name(name, family):
    if family in ("idefics3", "smolvlm"):
        return name
    for own, stored in [("lm_head", "language_model.lm_head"), ("model.language_model", "language_model.model"),
                        ("model.", "")]:
        if name.startswith(own):
            return stored + name[len(own):]
    return name


def difference(folder, out):
    """Largest absolute error of a state and of a gradient by the fixtures' rule, with their names."""
    with safe_open(os.path.join(folder, "io.safetensors"), "np") as f:
        want = {k: f.get_tensor(k) for k in f.keys()}
    with safe_open(out, "np") as f:
        found = {k: f.get_tensor(k) for k in f.keys()}
    mask = want["in.attention_mask"] == 1
    left = not mask[:, 0].all()
    states, gradients = (0.0, ""), (0.0, "")
    largest = max(np.abs(v).max() for k, v in want.items() if k.startswith("grad."))
    for key, value in want.items():
        if key.startswith("in."):
            continue
        other = found[key].astype(np.float64)
        assert other.shape == value.shape, (key, other.shape, value.shape)
        assert np.isfinite(other).all(), key
        error = np.abs(other - value)
        if key.startswith("grad."):
            gradients = worse(gradients, (float(error.max() / max(np.abs(value).max(), 1e-3 * largest)), key))
        else:
            if left and (".text." in key or key == "out.logits"):
                error = error[mask]
            states = worse(states, (float(error.max()), key))
    return states, gradients


def worse(one, other):
    """The larger error; what is not a number is the largest."""
    return other if not other[0] <= one[0] else one


def compare(folder, program):
    worst = [0.0, 0.0]
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if not os.path.exists(os.path.join(path, "io.safetensors")):
            continue
        for precision in ("f64", "f32"):
            out = os.path.join(path, f"out_{precision}.safetensors")
            subprocess.run([program, "forward", "--model", path, "--input", os.path.join(path, "io.safetensors"), "--out",
                            out, "--gradients", "--precision", precision], check=True, stdout=subprocess.DEVNULL)
            states, gradients = difference(path, out)
            ok = states[0] < 1e-4 and gradients[0] < 2e-4
            print(f"{name:28s} {precision} states {states[0]:.1e} ({states[1]}) gradients {gradients[0]:.1e} "
                  f"({gradients[1]}) {'ok' if ok else 'FAILS'}")
            worst = [max(worst[0], states[0]), max(worst[1], gradients[0])]
    print(f"worst: states {worst[0]:.1e}, gradients {worst[1]:.1e}")
    return worst[0] < 1e-4 and worst[1] < 2e-4


def export(folder, saved):
    """A model the program saved beside the one it was read from: nothing missing, nothing superfluous, same logits."""
    inputs = load_file(os.path.join(folder, "io.safetensors"))
    given = {k[3:]: v for k, v in inputs.items() if k.startswith("in.") and k != "in.labels"}
    logits = []
    for path in (folder, saved):
        model, report = tf.AutoModelForImageTextToText.from_pretrained(path, output_loading_info=True,
                                                                        dtype=torch.float32)
        problems = {k: list(v) for k, v in report.items() if v}
        print(path, type(model).__name__, "problems:", problems)
        assert not problems
        with torch.no_grad():
            logits.append(model.eval()(**given).logits)
    print("largest difference of the logits:", float((logits[0] - logits[1]).abs().max()))


if __name__ == "__main__":
    command, folder = sys.argv[1], sys.argv[2]
    if command == "generate":
        small = "--recorded" in sys.argv
        for case in RECORDED if small else CASES:
            generate(case, os.path.join(folder, case), small)
    elif command == "compare":
        sys.exit(0 if compare(folder, sys.argv[3]) else 1)
    else:
        export(folder, sys.argv[3])
