"""Makes Recorded/images.json: what Pillow and transformers make of images, for the tests of Corpus/Images.

Run from this folder: pip install pillow==13.0.0 numpy torch transformers==5.23.0, then python record_images.py
Pictures are made by `picture`, which the tests repeat; of long results only SHA-256 digests and a few values are kept.
PNG files are put together by hand, because Pillow writes neither interlaced files nor every depth.
"""

import base64
import hashlib
import io
import json
import pathlib
import random
import struct
import tempfile
import types
import zlib

import numpy as np
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.idefics3.processing_idefics3 import Idefics3Processor
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
from transformers.models.llava_next.processing_llava_next import LlavaNextProcessor
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

HERE = pathlib.Path(__file__).resolve().parent
RANDOM = random.Random(7)


def picture(width, height, seed):
    """Smooth colours with hard edges in whole numbers, the same in any language."""
    x, y = np.meshgrid(np.arange(width, dtype=np.int64), np.arange(height, dtype=np.int64))
    channels = []
    for c in range(3):
        wave = (3 * x * x + 5 * y * y + 7 * x * y + 41 * c + 17 * seed) // 16
        edge = np.where((x // 7 + y // 5 + seed) % 3 == 0, 255, 0)
        channels.append(((wave ^ edge) + 13 * c * x) & 255)
    return np.stack(channels, axis=-1).astype(np.uint8)


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


# ---- Files ----

COLOURS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def rows(samples, depth):
    """Rows of a PNG, with a filter of every kind in turn where samples are whole bytes."""
    result = b""
    before = None
    for number, row in enumerate(samples):
        bits = "".join(format(int(v), f"0{depth}b") for v in row.flatten())
        bits += "0" * (-len(bits) % 8)
        line = np.array([int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)], dtype=np.int64)
        step = max(1, samples.shape[2] * depth // 8)
        up = before if before is not None else np.zeros_like(line)
        left = np.concatenate([np.zeros(step, dtype=np.int64), line])[: len(line)]
        kind = number % 4 if depth >= 8 else 0
        filtered = [line, line - left, line - up, line - (left + up) // 2][kind]
        result += bytes([kind]) + bytes((filtered & 255).astype(np.uint8))
        before = line
    return result


def png(width, height, depth, colour, interlaced, extra=b"", most=None):
    limit = most if most is not None else 2**depth
    samples = np.array(
        [RANDOM.randrange(limit) for _ in range(width * height * COLOURS[colour])], dtype=np.int64
    ).reshape(height, width, COLOURS[colour])
    if interlaced:
        parts = [samples[y0::dy, x0::dx] for x0, y0, dx, dy in PASSES]
        raw = b"".join(rows(part, depth) for part in parts if part.size)
    else:
        raw = rows(samples, depth)
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    data = zlib.compress(raw)
    cut = len(data) // 2
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", data[:cut]) + chunk(b"IDAT", data[cut:])
        + chunk(b"IEND", b"")
    )


def palette(count):
    return chunk(b"PLTE", bytes(RANDOM.randrange(256) for _ in range(3 * count)))


def png_files():
    for colour, depths in {0: [1, 2, 4, 8, 16], 2: [8, 16], 4: [8, 16], 6: [8, 16]}.items():
        for depth in depths:
            for interlaced in (False, True):
                most = 400 if (colour, depth) == (0, 16) else None
                yield f"png colour {colour} depth {depth}", png(11, 9, depth, colour, interlaced, most=most)
    for depth in (1, 2, 4, 8):
        for interlaced in (False, True):
            count = 2**depth
            yield f"png palette depth {depth}", png(11, 9, depth, 3, interlaced, palette(count))
    yield "png short palette", png(5, 4, 8, 3, False, palette(20), most=40)
    yield "png palette with transparency", png(5, 4, 4, 3, False, palette(16) + chunk(b"tRNS", bytes(range(0, 160, 10))))
    yield "png grey with a transparent level", png(5, 4, 8, 0, False, chunk(b"tRNS", b"\0\7"))
    yield "png colour with a transparent one", png(5, 4, 8, 2, False, chunk(b"tRNS", b"\0\7\0\7\0\7"))
    yield "png with gamma", png(5, 4, 8, 2, False, chunk(b"gAMA", struct.pack(">I", 100000)))
    yield "png one pixel", png(1, 1, 8, 2, True)


def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def jpeg_files():
    image = Image.fromarray(picture(45, 35, 3))
    smooth = image.resize((61, 39), Image.BICUBIC)
    for name, sampling in {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}.items():
        for progressive in (False, True):
            yield f"jpeg {name}", jpeg(smooth, quality=80, subsampling=sampling, progressive=progressive)
    yield "jpeg grey", jpeg(smooth.convert("L"), quality=70)
    yield "jpeg kept as RGB", jpeg(smooth, quality=75, keep_rgb=True)
    yield "jpeg four inks", jpeg(image.convert("CMYK"), quality=85)
    yield "jpeg with restarts", jpeg(smooth, quality=60, restart_marker_blocks=3, optimize=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "jpeg turned by EXIF", jpeg(smooth, quality=50, exif=exif)
    yield "jpeg one pixel", jpeg(image.crop((0, 0, 1, 1)))


def files():
    result = []
    for name, data in list(png_files()) + list(jpeg_files()):
        pixels = np.array(Image.open(io.BytesIO(data)).convert("RGB"))
        result.append(
            {"name": name, "file": base64.b64encode(data).decode(), "width": pixels.shape[1],
             "height": pixels.shape[0], "sha256": digest(pixels), "first": pixels.flatten()[:12].tolist()})
    return result


# ---- Resizing ----


def resizes():
    result = []
    sizes = [(1, 1, 5, 4), (17, 31, 17, 9), (40, 3, 7, 3), (64, 48, 200, 5), (2, 300, 31, 11), (97, 61, 32, 32), (5, 5, 64, 33)]
    sizes += [(97, 496, 353, 325), (328, 634, 155, 206)]
    sizes += [tuple(RANDOM.randrange(1, 260) for _ in range(4)) for _ in range(18)]
    for number, (width, height, new_width, new_height) in enumerate(sizes):
        for filter in range(6):
            made = np.array(Image.fromarray(picture(width, height, number)).resize((new_width, new_height), filter))
            result.append(
                {"width": width, "height": height, "seed": number, "new_width": new_width, "new_height": new_height,
                 "filter": filter, "sha256": digest(made)})
    return result


# ---- Processors ----


def idefics3_text(rows, columns, length):
    stub = types.SimpleNamespace(
        fake_image_token="<fake_token_around_image>", image_token="<image>", global_image_tag="<global-img>",
        image_seq_len=length)
    return Idefics3Processor.replace_image_token(stub, {"rows": [[rows]], "cols": [[columns]]}, 0)


def next_tokens(processor, width, height, side, patch):
    stub = LlavaNextProcessor.__new__(LlavaNextProcessor)
    stub.image_processor = processor
    stub.patch_size = patch
    stub.num_additional_image_tokens = 1
    stub.vision_feature_select_strategy = "default"
    return stub._get_number_of_features(height, width, side, side) - 1


def processors():
    """Settings as transformers writes them, each with images of several sizes."""
    clip = dict(size={"shortest_edge": 48}, crop_size={"height": 48, "width": 48})
    pinpoints = [[48, 96], [96, 48], [96, 96], [144, 48], [48, 144]]
    return [
        Idefics3ImageProcessorPil(size={"longest_edge": 128}, max_image_size={"longest_edge": 32}),
        Idefics3ImageProcessorPil(size={"longest_edge": 90}, max_image_size={"longest_edge": 40}, resample=2),
        Idefics3ImageProcessorPil(size={"longest_edge": 64}, max_image_size={"longest_edge": 64}, do_image_splitting=False),
        SmolVLMImageProcessorPil(
            size={"longest_edge": 96}, max_image_size={"longest_edge": 48}, image_mean=[0.2, 0.4, 0.6],
            image_std=[0.3, 0.5, 0.7]),
        SmolVLMImageProcessorPil(do_resize=False, max_image_size={"longest_edge": 50}, do_normalize=False),
        CLIPImageProcessorPil(**clip),
        CLIPImageProcessorPil(size={"height": 40, "width": 30}, do_center_crop=False, resample=2),
        CLIPImageProcessorPil(size={"shortest_edge": 20}, crop_size={"height": 33, "width": 48}, do_rescale=False),
        LlavaImageProcessorPil(do_pad=True, **clip),
        LlavaNextImageProcessorPil(image_grid_pinpoints=pinpoints, **clip),
        LlavaNextImageProcessorPil(image_grid_pinpoints=pinpoints + [[144, 96]], resample=2, **clip),
    ]


def expand2square(image, colour):
    """As in LLaVA's own mm_utils.py."""
    width, height = image.size
    if width == height:
        return image
    side = max(width, height)
    result = Image.new(image.mode, (side, side), colour)
    result.paste(image, (0, (width - height) // 2) if width > height else ((height - width) // 2, 0))
    return result


def processor_cases():
    result = []
    sizes = [(70, 150), (150, 70), (1, 1), (64, 64), (220, 170), (300, 9), (8, 210), (32, 32), (33, 31)]
    sizes += [(RANDOM.randrange(2, 260), RANDOM.randrange(2, 260)) for _ in range(6)]
    for number, processor in enumerate(processors()):
        with tempfile.TemporaryDirectory() as folder:
            processor.save_pretrained(folder)
            settings = json.loads((pathlib.Path(folder) / "preprocessor_config.json").read_text())
        name = type(processor).__name__
        for seed, (width, height) in enumerate(sizes):
            image = Image.fromarray(picture(width, height, seed))
            case = {"processor": number, "width": width, "height": height, "seed": seed}
            if name.startswith(("Idefics3", "SmolVLM")):
                made = processor(image, return_row_col_info=True, return_tensors="np")
                values = made["pixel_values"][0]
                case["rows"], case["columns"] = int(made["rows"][0][0]), int(made["cols"][0][0])
                case["full"] = bool(made["pixel_attention_mask"].all())
                text = idefics3_text(case["rows"], case["columns"], 3)
                case["text_sha256"] = hashlib.sha256(text.encode()).hexdigest()
                case["tokens"] = text.count("<image>")
            else:
                values = processor(image, return_tensors="np")["pixel_values"]
                values = values[0] if name.startswith("LlavaNext") else values
                case["rows"] = case["columns"] = 0
                if name.startswith("LlavaNext"):
                    case["tokens"] = next_tokens(processor, width, height, 48, 8)
            values = values.astype(np.float32)
            case["shape"] = list(values.shape)
            case["sha256"] = digest(values)
            case["first"] = [float(v) for v in values.flatten()[:3]]
            if name.startswith("LlavaImage"):
                square = expand2square(image, tuple(int(x * 255) for x in processor.image_mean))
                own = CLIPImageProcessorPil(size=dict(processor.size), crop_size=dict(processor.crop_size))
                theirs = own(square, return_tensors="np")["pixel_values"].astype(np.float32)
                assert digest(theirs) == case["sha256"], "LLaVA's own padding is another"
            result.append(case)
        SETTINGS.append(settings)
    return result


SETTINGS = []
cases = processor_cases()
json.dump(
    {"files": files(), "resizes": resizes(), "settings": SETTINGS, "cases": cases},
    open(HERE / "Recorded" / "images.json", "w"), indent=0)
