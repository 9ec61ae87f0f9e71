"""Texts of many kinds, the same on every call: what tokenizers are compared on."""

import random

RHYTHMS = ["Sinus rhythm", "Sinus bradycardia", "Atrial fibrillation", "Sinus tachycardia with PVCs", "Paced rhythm"]
FINDINGS = [
    "left bundle branch block", "inferior myocardial infarction, age undetermined", "ST elevation in V1-V4",
    "non-specific ST/T changes", "prolonged QT interval", "right axis deviation", "low voltage in the limb leads",
    "T wave inversion in II, III and aVF", "left ventricular hypertrophy by Cornell criteria", "first degree AV block",
]
GERMAN = [
    "Sinusrhythmus, überdrehter Linkstyp", "Linksschenkelblock, QRS-Breite 142 ms", "Vorhofflimmern mit schneller Überleitung",
    "Unspezifische Erregungsrückbildungsstörungen", "Zustand nach Vorderwandinfarkt", "periphere Niederspannung",
    "T-Negativierung in II, III, aVF", "Verdacht auf Myokardischämie", "Außerdem größere Pause während der Aufzeichnung",
    "Kein Hinweis auf akute Ischämie; Lagetyp weiß man nicht", "Straße, Füße, Bögen, Ärzte, Öl und Übergröße",
]
SCRIPTS = [
    "Привет, как дела? Это обычное предложение.", "Ελληνικά: η γρήγορη καφετιά αλεπού, Ὀδυσσεύς", "مرحبا بالعالم، كيف حالك اليوم؟",
    "שלום עולם, מה שלומך?", "こんにちは世界。今日はいい天気ですね。", "你好,世界!心电图显示窦性心律。", "안녕하세요 세계, 심전도 결과입니다",
    "สวัสดีชาวโลก วันนี้อากาศดี", "नमस्ते दुनिया, आप कैसे हैं? १२३", "வணக்கம் உலகம்", "ქართული ენა", "Հայերեն լեզու", "Tiếng Việt có dấu: đường phố",
    "İstanbul'da güneşli bir gün, ılık", "Zażółć gęślą jaźń", "አማርኛ ቋንቋ", "ខ្មែរ ភាសា", "မြန်မာဘာသာ", "ᚠᛇᚻ᛫ᛒᛦᚦ", "𝔉𝔯𝔞𝔨𝔱𝔲𝔯 𝟙𝟚𝟛 ①②③ Ⅳ ½ ²",
    "e\u0301a\u0308o\u0302\u0323 cafe\u0301", "\u1112\u1161\u11ab\u1100\u1173\u11af", "ﬁﬂ ﬃ ½ № ℡ ㎏ ａｂｃ", "Å Å Ω Ω K K", "\u0f71\u0f72\u0f74 \u0344\u0345",
    "ſ's I'ſ it'S IT'S they'RE we'Ve I'LL d'D 'm'M", "can't won't I'd they'll he's we've I'm", "naïve coöperation—“quotes” … ‘x’", "a\u200bb\u200cc\u200dd\u2060e\ufeff",
]
EMOJI = ["😀", "👩‍⚕️", "👨‍👩‍👧‍👦", "🫀", "❤️", "🇩🇪", "👍🏽", "1️⃣", "🏳️‍🌈", "🧑🏿‍🚀", "☺︎", "🫨", "🪿"]
CODE = [
    "for (int i = 0; i < n; ++i) { sum += a[i] * 1.5e-3f; }", "def forward(self, x: torch.Tensor) -> torch.Tensor:\n    return self.fc(x)  # ok",
    "\tif err != nil {\n\t\treturn fmt.Errorf(\"bad %q: %w\", name, err)\n\t}", "<div class=\"ecg\">&nbsp;{{ value | round(2) }}</div>",
    "SELECT id, ecg FROM records WHERE hr >= 100 AND sex = 'F';", "{\"ids\": [1, 22, 333], \"ok\": true, \"x\": null}", "let x = xs.map { $0 * 2 }.filter { $0 > 10 }",
    "https://physionet.org/content/ptb-xl/1.0.3/?a=1&b=%20#top", "$ grep -rn 'foo|bar' --include=*.py . | awk '{print $2}' >> out.txt\r\n",
]
SPECIAL = [
    "<image>", "<row_1_col_1>", "<row_2_col_3>", "<global-img>", "<fake_token_around_image>", "<|im_start|>user", "<end_of_utterance>", "<s>", "</s>", "<unk>",
    "<|endoftext|>", "<|eot_id|>", "[INST]", "[/INST]", "<0x41>", "<0xC3>", "▁", "▁▁x", "Ġ", "ĊĠ", "</w>", "##ing", "<left>", "<right>", "<both>", "word", "Lower", "lower",
]
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\n\n", "\u00a0", "\u2003", "\u3000", "\u0085", "\u2028", "\x0b", "\x0c", "\x1c"]
LETTERS = "abcdefghijklmnopqrstuvwxyzäöüß"


def scalar(draw, top):
    while True:
        code = draw.randrange(top)
        if not 0xD800 <= code < 0xE000:
            return chr(code)


def report(draw):
    rate, axis = draw.randrange(30, 190), draw.randrange(-90, 180)
    text = f"{draw.choice(RHYTHMS)}, heart rate {rate} bpm, axis {axis}°. {draw.choice(FINDINGS).capitalize()}; {draw.choice(FINDINGS)}."
    if draw.random() < 0.5:
        text += f" PR {draw.randrange(90, 260)} ms, QRS {draw.randrange(60, 180)} ms, QT/QTc {draw.randrange(300, 520)}/{draw.randrange(300, 560)} ms."
    return text


def german(draw):
    text = f"{draw.choice(GERMAN)}. {draw.choice(GERMAN)}, Frequenz {draw.randrange(30, 190)}/min."
    return text.upper() if draw.random() < 0.05 else text


def word(draw, longest):
    return "".join(draw.choice(LETTERS) for _ in range(draw.randrange(1, longest)))


def prose(draw):
    words = []
    for _ in range(draw.randrange(3, 40)):
        words.append(word(draw, 12) + draw.choice(["", "", "", "", ",", ".", "?", "!", ":", "'s", "-" + word(draw, 6)]))
    return " ".join(words)


def mixed(draw):
    parts = []
    for _ in range(draw.randrange(1, 9)):
        kind = draw.randrange(8)
        pool = [SCRIPTS, EMOJI, CODE, SPECIAL, SPACES, GERMAN, FINDINGS][kind] if kind < 7 else [str(draw.randrange(10**6))]
        parts.append(draw.choice(pool) * (draw.randrange(1, 5) if kind in (1, 4) else 1))
    return draw.choice(["", " ", " ", "\n"]).join(parts)


def noise(draw):
    top = draw.choice([0x20, 0x80, 0x180, 0x800, 0x3000, 0x10000, 0x20000, 0x110000])
    return "".join(scalar(draw, top) for _ in range(draw.randrange(0, 40)))


def marks(draw):
    """Letters under heaps of combining marks, out of order; syllables in parts."""
    pools = [(0x41, 0x7B), (0x300, 0x370), (0x3B1, 0x3CA), (0x1100, 0x1200), (0x5B0, 0x5C8), (0x900, 0xA00), (0xF71, 0xF85), (0xAC00, 0xAC40)]
    return "".join(chr(draw.randrange(*draw.choice(pools))) for _ in range(draw.randrange(1, 24)))


def extreme(draw):
    kind = draw.randrange(5)
    if kind == 0:
        return word(draw, 2000)
    if kind == 1:
        return draw.choice([" ", "\n", "\t", " \n"]) * draw.randrange(1, 1500) + "x"
    if kind == 2:
        return "".join(str(draw.randrange(10)) for _ in range(draw.randrange(1, 800)))
    if kind == 3:
        return draw.choice(["=", "-", "!?", "ab", "漢", "😀", "е"]) * draw.randrange(1, 700)
    return ""


KINDS = [(report, 36), (german, 20), (prose, 12), (mixed, 20), (noise, 6), (marks, 4), (extreme, 0.5)]


def texts(count, seed=1):
    draw = random.Random(seed)
    kinds, weights = zip(*KINDS)
    return [draw.choices(kinds, weights)[0](draw) for _ in range(count)]
