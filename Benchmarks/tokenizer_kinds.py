"""Tokenizers of every form that tokenizer.json has, trained on the corpus with the library itself."""

import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
DEEPSEEK = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHAT = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<end_of_utterance>", "<|eot_id|>"]
IMAGE = ["<fake_token_around_image>", "<image>", "<global-img>"] + [f"<row_{r}_col_{c}>" for r in range(1, 7) for c in range(1, 7)]
BYTES = pre_tokenizers.ByteLevel.alphabet()
FALLBACK = [f"<0x{b:02X}>" for b in range(256)]


def byte_level(**options):
    return pre_tokenizers.ByteLevel(**{"add_prefix_space": False, **options})


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern) if isinstance(pattern, str) else pattern[0], behavior, invert)


def train(tokenizer, texts, size, special=(), alphabet=(), **options):
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(special), initial_alphabet=list(alphabet), show_progress=False, **options
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def bytes_with(texts, size, steps, special=CHAT, normalizer=None, processor=None):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = steps[0] if len(steps) == 1 else pre_tokenizers.Sequence(steps)
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    if processor:
        tokenizer.post_processor = processor
    return train(tokenizer, texts, size, special, BYTES)


def edited(tokenizer, edit):
    document = json.loads(tokenizer.to_str())
    edit(document)
    return Tokenizer.from_str(json.dumps(document, ensure_ascii=False))


def smollm(texts, size):
    return bytes_with(texts, size, [pre_tokenizers.Digits(individual_digits=True), byte_level()])


def qwen(texts, size):
    return bytes_with(texts, size, [split(QWEN), byte_level(use_regex=False)], normalizer=normalizers.NFC())


def llama3(texts, size):
    tokenizer = bytes_with(texts, size, [split(LLAMA3), byte_level(use_regex=False)], special=[])
    tokenizer.add_special_tokens(["<|begin_of_text|>", "<|eot_id|>", "<image>"])
    begin = tokenizer.token_to_id("<|begin_of_text|>")
    template = processors.TemplateProcessing(
        single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|>:1 $B:1", special_tokens=[("<|begin_of_text|>", begin)]
    )
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])

    def edit(document):
        # Tokens that no merges lead to, as in Llama 3's own file.
        document["model"]["ignore_merges"] = True
        document["model"]["merges"] = [m for i, m in enumerate(document["model"]["merges"]) if i % 50 != 7 or i < 600]
        made = set("".join(m) for m in document["model"]["merges"])
        document["model"]["merges"] = [m for m in document["model"]["merges"] if "".join(m) in made]

    return edited(tokenizer, edit)


def idefics3(texts, size):
    tokenizer = smollm(texts, size)
    tokenizer.add_special_tokens(IMAGE)
    flags = ("lstrip", "rstrip", "single_word", "normalized")
    tokens = [AddedToken("<left>", lstrip=True), AddedToken("<right>", rstrip=True), AddedToken("<both>", lstrip=True, rstrip=True)]
    for bits in range(16):
        content = ["lead", "wave", "Lower", "QRS", " ms", "ST", "V1", "  ", "aV", "min", "<unk>", "II", "ß", "über", "😀", "\n\n"][bits]
        values = {flag: bool(bits >> i & 1) for i, flag in enumerate(flags)}
        tokens.append(AddedToken(content, special=bits % 3 == 0, **values))
    tokenizer.add_tokens(tokens)
    return tokenizer


def sentencepiece(texts, size, normalizer, pre_tokenizer, decoder, training=None):
    """Byte fallback without SentencePiece itself: trained with marks before words, then given the form asked for."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.pre_tokenizer = training or pre_tokenizers.Metaspace()
    train(tokenizer, texts, size, ["<unk>", "<s>", "</s>"] + FALLBACK, limit_alphabet=400)
    document = json.loads(tokenizer.to_str())
    document["added_tokens"] = [token for token in document["added_tokens"] if token["id"] < 3]
    tokenizer = Tokenizer.from_str(json.dumps(document, ensure_ascii=False))
    tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder = normalizer, pre_tokenizer, decoder
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    tokenizer.add_tokens([AddedToken("<image>", special=True, normalized=False), AddedToken("[INST]", normalized=True)])
    return tokenizer


def marked_decoder():
    return decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])


def llama2(texts, size):
    rules = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return sentencepiece(texts, size, rules, None, marked_decoder())


def crossing(texts, size):
    """Tokens that reach over spaces: words cannot be merged one by one."""
    rules = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return sentencepiece(texts, size, rules, None, marked_decoder(), pre_tokenizers.Metaspace(split=False))


def metaspace(scheme, splits):
    def make(texts, size):
        rule = dict(prepend_scheme=scheme, split=splits)
        decoder = decoders.Metaspace(prepend_scheme=scheme)
        return sentencepiece(texts, size, None, pre_tokenizers.Metaspace(**rule), decoders.Sequence([decoders.ByteFallback(), decoder]))

    return make


def no_fallback(texts, size):
    """Unknown tokens, one by one, and a handful of byte tokens that overtake them."""

    def edit(document):
        model = document["model"]
        model["fuse_unk"] = False
        for byte in range(0xA0, 0x100):
            del model["vocab"][f"<0x{byte:02X}>"]

    return edited(metaspace("first", True)(texts, size), edit)


def affixes(texts, size):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", continuing_subword_prefix="##", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.BPEDecoder()
    return train(tokenizer, texts, size, ["<unk>"], limit_alphabet=300, continuing_subword_prefix="##", end_of_word_suffix="</w>")


def suffixes(texts, size):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>", fuse_unk=True))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.BPEDecoder()
    train(tokenizer, texts, size, ["<unk>"], limit_alphabet=300, end_of_word_suffix="</w>")
    tokenizer.add_tokens([AddedToken("Lower", normalized=True), AddedToken("word", normalized=True, single_word=True)])
    return tokenizer


def splits(texts, size):
    steps = [
        pre_tokenizers.Split(" ", "merged_with_next"), split(r"[A-Z]+", "contiguous"), split(r"\.|,", "merged_with_previous"),
        split(r"\w+|[^\w\s]+", "removed", True), pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.Punctuation("contiguous"),
        split(r"x*", "isolated"), byte_level(add_prefix_space=True),
    ]
    return bytes_with(texts, size, steps, normalizer=normalizers.Sequence([normalizers.NFKC(), normalizers.Strip()]))


def spelled(texts, size):
    """Falcon's order: more cuts after the bytes are spelled."""
    steps = [pre_tokenizers.Punctuation("contiguous"), byte_level(), pre_tokenizers.Digits(individual_digits=False), split("[0-9][0-9][0-9]")]
    return bytes_with(texts, size, steps)


def normalized(texts, size):
    rules = normalizers.Sequence(
        [normalizers.Replace(Regex(r"\s{2,}"), " "), normalizers.NFD(), normalizers.Strip(left=True, right=False), normalizers.Lowercase(), normalizers.ByteLevel()]
    )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = rules
    tokenizer.pre_tokenizer = split(r"Ġ?[^Ġ]+")
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, texts, size, CHAT, BYTES)
    tokenizer.add_tokens([AddedToken("Lower", normalized=True), AddedToken("<image>", special=True, normalized=True)])
    return tokenizer


def gaps(texts, size):
    """Ids with gaps, merges as strings, a piece length."""
    tokenizer = bytes_with(texts, size, [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.FixedLength(7), byte_level(use_regex=False)], special=[])

    def edit(document):
        model = document["model"]
        model["vocab"] = {token: 3 * id + 5 for token, id in model["vocab"].items()}
        model["merges"] = ["#version: 0.2"] + [" ".join(merge) for merge in model["merges"]]

    tokenizer = edited(tokenizer, edit)
    tokenizer.add_tokens([AddedToken("<image>", special=True), AddedToken("[INST]")])
    return tokenizer


def o200k(texts, size):
    return bytes_with(texts, size, [split(O200K), byte_level(use_regex=False)])


def deepseek(texts, size):
    steps = [split(r"\p{N}{1,3}"), split("[一-龥\u3040-ゟ゠-ヿ]+"), split(DEEPSEEK), byte_level(use_regex=False)]
    return bytes_with(texts, size, steps)


KINDS = {
    "smollm": smollm, "qwen": qwen, "llama3": llama3, "llama2": llama2, "metaspace_first": metaspace("first", False),
    "metaspace_always": metaspace("always", True), "metaspace_never": metaspace("never", True), "idefics3": idefics3, "crossing": crossing,
    "no_fallback": no_fallback, "affixes": affixes, "suffixes": suffixes, "splits": splits, "spelled": spelled, "normalized": normalized,
    "gaps": gaps, "o200k": o200k, "deepseek": deepseek,
}
