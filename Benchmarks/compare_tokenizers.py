"""Compares evl-dist's tokenizers with the library's and prints ratios; started by Benchmarks/compare-tokenizers."""

import argparse
import json
import os
import statistics
import subprocess
import time
from importlib.metadata import version

import tokenizer_corpus
import tokenizer_kinds
from tokenizers import Tokenizer

TRAINING = 20000


def timed(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def prepared(folder, kind, size):
    """The path of the trained tokenizer; trained once."""
    path = os.path.join(folder, f"{kind}-{size}.json")
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        texts = tokenizer_corpus.texts(TRAINING, seed=2)
        # Made-up words, so that large vocabularies have something to learn.
        texts += tokenizer_corpus.texts(size * 2, seed=3)
        tokenizer_kinds.KINDS[kind](texts, size).save(path)
    return path


def run(program, path, given, *options):
    """Seconds and output of the whole program: start, reading, work, writing."""
    command = [program, "tokenize", "--tokenizer", path, "--json", *options]
    return timed(lambda: subprocess.run(command, input=given, capture_output=True, check=True).stdout)


def lines(values):
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()


def differ(kind, what, texts, theirs, ours):
    if len(theirs) != len(ours):
        raise SystemExit(f"compare-tokenizers: {kind}: {len(ours)} lines of {what} for {len(theirs)}")
    for text, a, b in zip(texts, theirs, ours):
        if a != b:
            raise SystemExit(
                f"compare-tokenizers: {kind}: other {what} for {ascii(text)}\n  library:  {ascii(a)}\n  evl-dist: {ascii(b)}"
            )


def spread(values, digits=2):
    return " / ".join(f"{v:.{digits}f}" for v in (min(values), statistics.median(values), max(values)))


def equal(kind, tokenizer, program, path, texts, given):
    """Checks ids and texts both ways; returns the ids."""
    ids = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    differ(kind, "ids", texts, ids, [json.loads(line) for line in run(program, path, given)[1].splitlines()])
    plain = [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]
    found = run(program, path, given, "--without-special-tokens")[1]
    differ(kind, "ids without the template", texts, plain, [json.loads(line) for line in found.splitlines()])
    for skips in (False, True):
        options = ["--decode"] + (["--without-special-tokens"] if skips else [])
        found = run(program, path, lines(ids), *options)[1]
        expected = tokenizer.decode_batch(ids, skip_special_tokens=skips)
        differ(kind, "text", texts, expected, [json.loads(line) for line in found.splitlines()])
    return ids


def compare(kind, arguments, texts, given):
    path = prepared(arguments.folder, kind, arguments.vocabulary)
    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_padding()
    ids = equal(kind, tokenizer, arguments.program, path, texts, given)
    ways, row = {"load": ([], []), "encode": ([], []), "decode": ([], [])}, [kind]
    for _ in range(arguments.rounds):
        load = run(arguments.program, path, b"")[0]
        own = {
            "load": load,
            "encode": run(arguments.program, path, given)[0] - load,
            "decode": run(arguments.program, path, lines(ids), "--decode")[0] - load,
        }
        # A fresh tokenizer has met no word yet, as ours has not.
        loading, fresh = timed(lambda: Tokenizer.from_file(path))
        batch = timed(lambda: fresh.encode_batch_fast(texts))[0]
        fresh = Tokenizer.from_file(path)
        single = timed(lambda: [fresh.encode(text) for text in texts])[0]
        together = timed(lambda: tokenizer.decode_batch(ids, skip_special_tokens=False))[0]
        alone = timed(lambda: [tokenizer.decode(each, skip_special_tokens=False) for each in ids])[0]
        other = {"load": loading, "encode": min(batch, single), "decode": min(together, alone)}
        for way, (mine, theirs) in ways.items():
            mine.append(own[way])
            theirs.append(other[way])
    for mine, theirs in ways.values():
        row += [f"{statistics.median(mine):.2f}", spread([b / a for a, b in zip(mine, theirs)])]
    print("| " + " | ".join(row) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--vocabulary", type=int, default=32_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", choices=list(tokenizer_kinds.KINDS), default=list(tokenizer_kinds.KINDS))
    arguments = parser.parse_args()
    texts = tokenizer_corpus.texts(arguments.lines)
    given = lines(texts)
    size = sum(len(text.encode()) for text in texts) / 1e6
    start = min(
        timed(lambda: subprocess.run([arguments.program, "tokenize", "--help"], capture_output=True, check=True))[0]
        for _ in range(5)
    )
    print(
        f"tokenizers {version('tokenizers')}, one thread; {len(texts)} texts, {size:.1f} MB; vocabularies of up to "
        f"{arguments.vocabulary}; ids and texts equal for every tokenizer listed.\n"
        "Seconds of the whole program (less its start for encode and decode), reading and writing included; of the library "
        "the better of batch and single calls, without input and output. Loading counts the program's start, which alone "
        f"takes {start:.2f}. Ratios: min / median / max.\n\n"
        "| | load s | times faster | encode s | times faster | decode s | times faster |\n|---|---|---|---|---|---|---|"
    )
    for kind in arguments.kinds:
        compare(kind, arguments, texts, given)


if __name__ == "__main__":
    main()
