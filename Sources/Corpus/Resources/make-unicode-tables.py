"""Writes ../Tokenizers/UnicodeTables.swift: the character sets that the tokenizers library goes by.

    pip install tokenizers==0.23.3 && python3 make-unicode-tables.py

The library matches with four versions of Unicode at once (Oniguruma's, Rust's, and those of two crates), none of which is
the Swift toolchain's. Every set here is therefore read off the library's own behaviour, scalar by scalar.
"""

import pathlib

from tokenizers import Regex, normalizers, pre_tokenizers

HERE = pathlib.Path(__file__).resolve().parent
CODES = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
CATEGORIES = (
    "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cn"
).split()


def ranges(codes):
    result = []
    for code in sorted(codes):
        if result and code in (result[-1][1] + 1, 0xE000) and (code != 0xE000 or result[-1][1] == 0xD7FF):
            result[-1][1] = code
        else:
            result.append([code, code])
    return result


def removed_by(splitter):
    """The scalars that the splitter removes."""
    found = set(CODES)
    for start in range(0, len(CODES), 4096):
        text = "".join(map(chr, CODES[start : start + 4096]))
        for _, (first, last) in splitter.pre_tokenize_str(text):
            found.difference_update(CODES[start + first : start + last])
    return found


def removed_alone(normalizer):
    return {code for code in CODES if normalizer.normalize_str(chr(code)) == ""}


def numeric():
    found = set()
    splitter = pre_tokenizers.Digits(individual_digits=True)
    for code in CODES:
        if len(splitter.pre_tokenize_str("a" + chr(code) + "a")) == 3:
            found.add(code)
    return found


def words_of_rust():
    splitter = pre_tokenizers.Whitespace()
    return {code for code in CODES if splitter.pre_tokenize_str("a" + chr(code)) == [("a" + chr(code), (0, 2))]}


def decomposing():
    """Scalars that NFKD changes."""
    nfkd = normalizers.NFKD()
    return {code for code in CODES if nfkd.normalize_str(chr(code)) != chr(code)}


def compositions():
    """First scalar, second scalar and what NFC makes of both, Hangul aside."""
    nfd, nfc = normalizers.NFD(), normalizers.NFC()
    found = []
    for code in CODES:
        parts = nfd.normalize_str(chr(code))
        if 0xAC00 <= code < 0xD7A4 or len(parts) < 2 or nfc.normalize_str(chr(code)) != chr(code):
            continue
        first = nfc.normalize_str(parts[:-1])
        assert len(first) == 1 and nfc.normalize_str(first + parts[-1]) == chr(code)
        found += [ord(first), ord(parts[-1]), code]
    return found


def composing(triples):
    """Scalars that NFC changes, reorders or joins with what stands before them."""
    nfd, nfc = normalizers.NFD(), normalizers.NFC()
    found = set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3)) | set(triples[1::3])
    for code in CODES:
        scalar = chr(code)
        if nfc.normalize_str(scalar) != scalar:
            found.add(code)
        elif nfd.normalize_str("a" + scalar + "\u0334") != "a" + nfd.normalize_str(scalar) + "\u0334":
            found.add(code)
        elif nfd.normalize_str("a\u0345" + scalar) != "a\u0345" + nfd.normalize_str(scalar):
            found.add(code)
    return found


def table(name, comment, numbers):
    lines, line = [], "    "
    for number in numbers:
        item = f"0x{number:X},"
        if len(line) + len(item) > 320:
            lines.append(line)
            line = "    "
        line += item
    return f"  /// {comment}\n  static let {name}: [UInt32] = [\n" + "\n".join(lines + [line]) + "\n  ]\n"


def pairs(codes):
    return [bound for both in ranges(codes) for bound in both]


def main():
    category = dict.fromkeys(CODES, len(CATEGORIES) - 1)
    sets = {}
    for index, name in enumerate(CATEGORIES):
        sets[name] = removed_by(pre_tokenizers.Split(Regex(r"\p{%s}" % name), "removed"))
        category.update(dict.fromkeys(sets[name], index))
    runs, last = [], None
    for code in CODES:
        if category[code] != last:
            last = category[code]
            runs.append(code << 8 | last)
    base = set().union(*(sets[name] for name in CATEGORIES[:10] + ["Pc"]))
    oniguruma = removed_by(pre_tokenizers.Split(Regex(r"\w"), "removed"))
    bracketed = removed_by(pre_tokenizers.Split(Regex(r"[\w]"), "removed"))
    rust = words_of_rust()
    digits = numeric()
    assert base <= bracketed <= oniguruma and base <= rust and sets["Nd"] | sets["Nl"] | sets["No"] <= digits
    bert = normalizers.BertNormalizer
    triples = compositions()
    text = [
        table("categoryRuns", "Scalar << 8 | index into `categories`, where a run of one general category begins.", runs),
        table("wordsOfOniguruma", "What its `\\w` has beyond letters, marks, decimal and letter numbers, connectors.", pairs(oniguruma - base)),
        table("bracketedWordsOfOniguruma", "The same for a `\\w` between brackets, which lacks six scalars of Latin-1.", pairs(bracketed - base)),
        table("wordsOfRust", "The same for the `\\w` of Rust's expressions.", pairs(rust - base)),
        table("numbersOfRust", "Numeric to Rust, though without a category N above.", pairs(digits - sets["Nd"] - sets["Nl"] - sets["No"])),
        table("whitespace", "White space, to all of them.", pairs(removed_by(pre_tokenizers.WhitespaceSplit()))),
        table("punctuation", "What the Punctuation pre-tokenizer goes by.", pairs(removed_by(pre_tokenizers.Punctuation("removed")))),
        table("accents", "What the StripAccents normalizer removes.", pairs(removed_alone(normalizers.StripAccents()))),
        table("bertAccents", "What BertNormalizer removes as accents.", pairs(removed_alone(bert(False, False, True, False)))),
        table("bertControls", "What BertNormalizer removes as control characters.", pairs(removed_alone(bert(True, False, False, False)))),
        table("composing", "Changed, reordered or joined with what stands before by composition (NFC).", pairs(composing(triples))),
        table("decomposing", "Changed by compatibility decomposition (NFKD).", pairs(decomposing())),
        table("compositions", "Two scalars and the one that NFC makes of them, in threes.", triples),
    ]
    names = ", ".join(f'"{name}"' for name in CATEGORIES)
    (HERE.parent / "Tokenizers" / "UnicodeTables.swift").write_text(
        "// swift-format-ignore-file\n// Written by Sources/Corpus/Resources/make-unicode-tables.py; do not edit.\n\n"
        "/// Character sets of the tokenizers library 0.23, as pairs of first and last scalar unless said otherwise.\n"
        "enum UnicodeTables {\n"
        f"  static let categories = [{names}]\n\n" + "\n".join(text) + "}\n"
    )


main()
