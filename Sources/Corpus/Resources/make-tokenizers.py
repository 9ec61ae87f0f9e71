"""Makes the two small byte-level tokenizers of the built-in models, and their recorded ids for the tests.

    pip install tokenizers==0.23.3 && python3 make-tokenizers.py

They are trained on the sentences below, English and German, and differ as a real teacher's and student's do: another
vocabulary (1024 against 512 ids), another split rule (Llama 3 against SmolLM), another place for special tokens.
Writes student/ and teacher/ here, ../Tokenizers/BuiltInTokenizerText.swift (the same text, so that the program needs no
file beside it) and ../../../Tests/CorpusTests/Recorded/tokenizers.json.
"""

import itertools
import json
import pathlib
import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).resolve().parent
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<end_of_utterance>", "<fake_token_around_image>", "<image>", "<global-img>"]
LLAMA_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHAT_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{% if message['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{ line['text'] }}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)

FINDINGS = [
    "myocardial infarction", "ST/T changes", "a conduction disturbance", "hypertrophy", "a normal rhythm",
    "anterior myocardial infarction", "inferior myocardial infarction", "anteroseptal infarction", "lateral infarction",
    "left bundle branch block", "right bundle branch block", "left anterior fascicular block", "first degree AV block",
    "left ventricular hypertrophy", "right ventricular hypertrophy", "left atrial enlargement", "ST elevation",
    "ST depression", "T wave inversion", "pathological Q waves", "non-specific ST changes", "low QRS voltages",
    "sinus bradycardia", "sinus tachycardia", "sinus arrhythmia", "atrial fibrillation", "a prolonged QT interval",
    "premature ventricular contractions", "baseline drift", "static noise", "a pacemaker",
]
RHYTHMS = ["Sinus rhythm", "Sinus bradycardia", "Sinus tachycardia", "Sinus arrhythmia", "Atrial fibrillation"]
AXES = ["normal axis", "left axis deviation", "right axis deviation", "extreme axis deviation"]
GERMAN = [
    "sinusrhythmus", "sinusbradykardie", "sinustachykardie", "normales ekg", "sonst normales ekg", "lagetyp normal",
    "linkstyp", "rechtstyp", "überdrehter linkstyp", "linksschenkelblock", "rechtsschenkelblock",
    "inkompletter rechtsschenkelblock", "linksanteriorer hemiblock", "av-block ersten grades", "vorhofflimmern",
    "linkshypertrophie", "rechtshypertrophie", "periphere niederspannung", "vorderwandinfarkt", "hinterwandinfarkt",
    "alter inferiorer infarkt", "wahrscheinlich alt", "unspezifische st-t veränderungen", "t-negativierung",
    "st-hebung", "st-senkung", "verdacht auf ischämie", "ventrikuläre extrasystolen", "schrittmacher", "in v1 bis v4",
    "hohe spitze t in v2-5", "qt verlängert", "myokardschaden nicht auszuschließen",
]
LEADS = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
ASKED = ["myocardial infarction", "ST/T changes", "a conduction disturbance", "hypertrophy"]
CLASSES = ["NORM", "MI", "STTC", "CD", "HYP"]


def sentences(seed):
    """Questions, answers and reports, drawn from a fixed stream of their own."""
    draw = random.Random(seed)
    for finding in FINDINGS:
        yield f"Does this ECG show {finding}?"
        yield f"Is there {finding} in this ECG?"
        yield f"Does this ECG show {finding} in lead {draw.choice(LEADS)}?"
    for names in itertools.chain.from_iterable(itertools.combinations(CLASSES, k) for k in (1, 2, 3)):
        yield " " + ", ".join(names)
    # What every training step asks deserves the fewest tokens.
    for _ in range(600):
        yield "Is this a normal ECG?"
        yield from (f"Does this ECG show {name}?" for name in ASKED)
        yield "Please determine the appropriate diagnosis for the ECG image: NORM, MI, STTC, CD, HYP."
        yield "Please write a clinical report based on this ECG image."
        yield from (" " + name for name in CLASSES)
    for _ in range(1500):
        yield draw.choice([" Yes", " No", "Assistant: Yes", "Assistant: No", "User:", "Assistant:"])
        rate, pr, qrs, qtc = draw.randint(40, 150), draw.randint(120, 240), draw.randint(70, 170), draw.randint(360, 500)
        parts = [
            draw.choice(RHYTHMS),
            f"rate {rate} beats per minute",
            draw.choice(AXES),
            f"PR {pr} ms, QRS {qrs} ms, QTc {qtc} ms",
            *draw.sample(FINDINGS, draw.randint(0, 2)),
            f"in leads {', '.join(draw.sample(LEADS, draw.randint(1, 4)))}",
        ]
        yield " " + ", ".join(draw.sample(parts, draw.randint(1, len(parts)))).replace(", a ", ", ") + "."
        yield " Conclusion: " + draw.choice(["normal ECG.", "abnormal ECG.", "borderline ECG, clinical correlation."])
        yield " " + " ".join(draw.sample(GERMAN, draw.randint(1, 4)))
        yield f"P wave {rate / 500:.2f} mV, T wave inverted in {draw.choice(LEADS)}, R wave progression normal."


def train(size, split, special_first):
    tokenizer = Tokenizer(models.BPE(ignore_merges=split is not None))
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split is None)
    first = pre_tokenizers.Split(Regex(split), "isolated") if split else pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([first, level])
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(name, special=True, normalized=False) for name in SPECIAL]
    trainer = trainers.BpeTrainer(
        vocab_size=size if special_first else size - len(SPECIAL),
        special_tokens=special if special_first else [],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sentences(1 if special_first else 2), trainer)
    if not special_first:
        tokenizer.add_special_tokens(special)
    assert tokenizer.get_vocab_size() == size, tokenizer.get_vocab_size()
    for answer in (" Yes", " No"):
        assert len(tokenizer.encode(answer).ids) == 1, answer
    return tokenizer


def settings():
    return {
        "bos_token": "<|im_start|>",
        "chat_template": CHAT_TEMPLATE,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<end_of_utterance>",
        "model_max_length": 2048,
        "pad_token": "<|endoftext|>",
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": "<|endoftext|>",
    }


def probes():
    draw = random.Random(3)
    fixed = [
        "", " ", "\n", "  two  spaces\tand a tab", "line one\nline two\r\n\r\n  three \n", " Yes", " No", "Yes", "yes No",
        "Does this ECG show myocardial infarction?", "überdrehter Linkstyp, Größe 37 °C — ΔST ≥ 2 mm", "QTc 451 ms, 12345678",
        "<|im_start|>User:<fake_token_around_image><global-img><image><image><fake_token_around_image>What?"
        "<end_of_utterance>\nAssistant: Yes<end_of_utterance>", "<image", "<<image>>", "it's IT'S we'LL they're 'ſ o'clock'd",
        "心電図は正常です。", "Ритм синусовый 72/мин", "👩‍⚕️🫀 e\u0301 \u00e9 \u2126 \u03a9", "٣٤٥ ½ ⅷ x²", "a\u00a0b\u3000c\u2028d\u0085e\x0bf\x1cg",
        "\u200b\ufeff\x00\x7f", "!!!???...---\n\n", "a_b-c/d\\e(f)[g]{h}", "mV\t0.15\n\tQRS", "नमस्ते ไทย 한국어 العربية",
    ]
    pools = ["abcdefghijklmnopqrstuvwxyz ", "ABC xyz'stdlmrev\n\r\t ", "0123456789.,%/ ms", "äöüßÄÖÜéñ ", "αβγ жщю 心電 ・。", "🫀🙂👍🏽 \u0301\u200d "]
    for _ in range(150):
        yield "".join(draw.choice(draw.choice(pools)) for _ in range(draw.randint(1, 40)))
    for _ in range(50):
        scalars = [draw.choice([draw.randrange(0x80), draw.randrange(0x800), draw.randrange(0x10000), draw.randrange(0x30000)]) for _ in range(20)]
        yield "".join(chr(s) for s in scalars if not 0xD800 <= s < 0xE000)
    yield from fixed


def swift(texts):
    lines = [
        "// swift-format-ignore-file",
        "// Written by Sources/Corpus/Resources/make-tokenizers.py from the files beside it; do not edit.",
        "",
        "/// The tokenizers of the built-in student and teacher, as text, so that the installed program stands alone.",
        "enum BuiltInTokenizerText {",
    ]
    for name, text in texts.items():
        lines += [f'  static let {name} = ###"""', text, '"""###', ""]
    return "\n".join(lines[:-1] + ["}", ""])


def main():
    made = {"student": train(512, None, True), "teacher": train(1024, LLAMA_SPLIT, False)}
    texts = {}
    recorded = {"probes": list(probes())}
    for name, tokenizer in made.items():
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        texts[name] = tokenizer.to_str(pretty=False)
        texts[name + "Settings"] = json.dumps(settings(), indent=2)
        (folder / "tokenizer.json").write_text(texts[name], encoding="utf-8")
        (folder / "tokenizer_config.json").write_text(texts[name + "Settings"], encoding="utf-8")
        encodings = [tokenizer.encode(text) for text in recorded["probes"]]
        recorded[name] = [e.ids for e in encodings]
        assert all(tokenizer.decode(e.ids, skip_special_tokens=False) == t for e, t in zip(encodings, recorded["probes"]))
    root = HERE.parent.parent.parent
    (HERE.parent / "Tokenizers" / "BuiltInTokenizerText.swift").write_text(swift(texts), encoding="utf-8")
    target = root / "Tests" / "CorpusTests" / "Recorded" / "tokenizers.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(recorded), encoding="utf-8")


if __name__ == "__main__":
    main()
