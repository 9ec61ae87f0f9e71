"""Writes tokenizer-kinds.json: small tokenizers of every form, with the library's ids and texts.

    pip install tokenizers==0.23.3 && python3 record_tokenizers.py

The forms and the texts are those of Benchmarks/compare-tokenizers, which compares 100,000 texts. A decoded text is null
where it equals the text itself.
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Benchmarks"))
sys.dont_write_bytecode = True

import tokenizer_corpus as corpus  # noqa: E402
import tokenizer_kinds as kinds  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

CHOSEN = {
    "smollm": 420, "qwen": 420, "llama3": 420, "llama2": 620, "metaspace_first": 620, "metaspace_always": 620, "metaspace_never": 620,
    "idefics3": 420, "crossing": 620, "no_fallback": 620, "affixes": 420, "suffixes": 420, "splits": 420, "spelled": 420, "normalized": 420,
    "gaps": 420, "o200k": 420, "deepseek": 420,
}


def probes():
    texts = [""] + [text[:70] for text in corpus.SCRIPTS + corpus.CODE]
    texts += ["".join(corpus.EMOJI), " ".join(corpus.SPECIAL), "x".join(corpus.SPECIAL), "a".join(corpus.SPACES)]
    texts += ["\u0344\u0348\u0f81\u0330 \u0f72\u0f75\u035c\u09fe\u0f7c", "  lead  wave QRS \n\n\n\n ms ST V1  über Lower\t<both>\t<left> <right> word"]
    texts += ["a\U00016ff4\U00011de0\u0295\u00b2b", "x" * 45 + " " * 45 + "y" + "12345678" * 6]
    return texts + [text[:60] for text in corpus.texts(90, seed=7)]


def main():
    training = corpus.texts(3000, seed=2)
    texts = probes()
    recorded = {}
    for name, size in CHOSEN.items():
        # As read from the file: what was added while training is numbered anew.
        tokenizer = Tokenizer.from_str(kinds.KINDS[name](training, size).to_str())
        ids = [tokenizer.encode(text).ids for text in texts]

        def decoded(skips):
            found = tokenizer.decode_batch(ids, skip_special_tokens=skips)
            return [None if text == whole else text for text, whole in zip(found, texts)]

        recorded[name] = {
            "tokenizer": tokenizer.to_str(),
            "ids": ids,
            "plain": [tokenizer.encode(text, add_special_tokens=False).ids for text in texts] if name in ("llama2", "llama3") else None,
            "decoded": decoded(False),
            "skipped": decoded(True),
        }
    document = {"texts": texts, "kinds": recorded}
    path = HERE / "tokenizer-kinds.json"
    path.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(path.stat().st_size, "bytes,", len(texts), "texts")


main()
