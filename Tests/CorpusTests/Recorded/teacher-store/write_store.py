"""Writes a teacher store for what `evl-dist teach --requests requests.json` asked. Needs numpy and safetensors.

    python write_store.py requests.json STORE
"""

import hashlib
import json
import pathlib
import sys

import numpy as np
from safetensors.numpy import save_file

LAYERS, WIDTH, VISUAL_WIDTH, VOCABULARY = 2, 6, 4, 20
SAMPLES_PER_PART = 3


def run_teacher(number, request):
    """Stands for a real model: replace it. Token ids, answer mask, last hidden states [Lt, Dt]."""
    ids = [1, 2, 3, 4, 5 + number % (VOCABULARY - 5)]
    answers = [0, 0, 0, 1, 1]
    hidden = number + np.add.outer(np.arange(len(ids)) / 8, np.arange(WIDTH) / 64)
    return np.array(ids, np.int64), np.array(answers, np.uint8), hidden.astype(np.float32)


def see(request):
    """Stands for the model's vision tower and connector: visual tokens [Nt, Dv] of all pictures of a request.

    A recording is one picture. A conversation has the paths of its pictures in `images`; text alone has none: Nt is 0.
    """
    pictures = request.get("images", [request["record"]])
    rows = 3 * len(pictures)
    visual = len(request["view"]) + np.add.outer(np.arange(rows) / 8, np.arange(VISUAL_WIDTH) / 64)
    return visual.astype(np.float32)


def main(requests_file, folder):
    requests = json.loads(pathlib.Path(requests_file).read_text())
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)

    def publish(name, tensors):
        save_file(tensors, folder / name)
        data = (folder / name).read_bytes()
        return {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    samples, parts, seen = requests["samples"], [], set()
    for start in range(0, len(samples), SAMPLES_PER_PART):
        tensors = {}
        for number, request in enumerate(samples[start : start + SAMPLES_PER_PART], start):
            name, view = request["sample"], request["view"]
            ids, answers, hidden = run_teacher(number, request)
            tensors[f"ids/{name}"] = ids
            tensors[f"answers/{name}"] = answers
            tensors[f"hidden.last/{name}"] = hidden
            if view not in seen:  # once, in the part of the first sample that sees it
                tensors[f"visual/{view}"] = see(request)
                seen.add(view)
        parts.append(publish(f"part-{len(parts):05d}.safetensors", tensors))
    head = np.add.outer(np.arange(VOCABULARY) / 4, np.arange(WIDTH) / 32).astype(np.float32)
    index = {
        "format": 1,
        "teacher": {
            "name": "my-teacher", "digest": "0123abcd", "tokenizer": "my-tokenizer", "layers": LAYERS,
            "hidden_width": WIDTH, "visual_width": VISUAL_WIDTH, "vocabulary": VOCABULARY,
        },
        "fingerprint": requests["fingerprint"],
        "element_type": "F32",
        "layers": [],
        "attention": False,
        "variants": 1 + max(request["variant"] for request in samples),
        "samples_per_part": SAMPLES_PER_PART,
        "samples": [request["sample"] for request in samples],
        "parts": parts,
        "head": publish("head.safetensors", {"head": head}),
    }
    (folder / "index.json").write_text(json.dumps(index, indent=2))


main(sys.argv[1], sys.argv[2])
