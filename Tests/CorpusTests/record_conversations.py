"""Makes Recorded/conversations.json: conversations as transformers' chat templates write them, and labels by offsets.

Run from this folder: pip install transformers==5.23.0 torch jinja2, then python record_conversations.py
The templates are those published with SmolVLM-Instruct, llava-1.5-7b-hf, Qwen (ChatML), Llama-2-chat and Llama-3-Instruct,
written out here. LLaVA trains Vicuna with a text of its own, `</s>` after each answer (conversation.py, style TWO), which
`parts` repeats. Labels are found by character offsets, another way than the program's. The tokenizers are the
built-in ones and, where ../../../../shared lies beside the checkout, those of its two tiny models.
"""

import json
import pathlib
import types

from transformers import PreTrainedTokenizerFast
from transformers.models.idefics3.processing_idefics3 import Idefics3Processor

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = HERE.parent.parent
SHARED = PACKAGE.parent / "shared" / "cases" / "models"

TEMPLATES = {
    "idefics3": (
        "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}"
        "{% if message['content'][0]['type'] == 'image' %}{{':'}}{% else %}{{': '}}{% endif %}"
        "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}"
        "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n"
        "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
    ),
    "vicuna": (
        "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': '}}{% endif %}"
        "{# Render all images first #}{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}"
        "{{ '<image>\n' }}{% endfor %}{# Render all text next #}{% if message['role'] != 'assistant' %}"
        "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ content['text'] + ' '}}"
        "{% endfor %}{% else %}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}"
        "{% generation %}{{ content['text'] + ' '}}{% endgeneration %}{% endfor %}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
    ),
    "chatml": (
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
    "llama-2": (
        "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
        "{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}"
        "{% set system_message = false %}{% endif %}{% for message in loop_messages %}"
        "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
        "{% if loop.index0 == 0 and system_message != false %}"
        "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}"
        "{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}"
        "{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}"
        "{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
    ),
    "llama-3": (
        "{% set loop_messages = messages %}{% for message in loop_messages %}"
        "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + "
        "'<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = '<|begin_of_text|>' + content %}{% endif %}"
        "{{ content }}{% endfor %}{% if add_generation_prompt %}"
        "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
    ),
}
LISTED = {"idefics3", "vicuna"}

ENTRIES = [
    {"id": "a", "image": "a.png", "conversations": [
        {"from": "human", "value": "<image>\nIs this a normal ECG?"}, {"from": "gpt", "value": "No"}]},
    {"id": "b", "image": "b.png", "conversations": [
        {"from": "human", "value": "What is the rate?\n<image>"}, {"from": "gpt", "value": "72 bpm, sinus rhythm."},
        {"from": "human", "value": "And the axis?\nA. Normal\nB. Left"},
        {"from": "gpt", "value": "The correct option is B. Left"},
        {"from": "human", "value": "Why?"}, {"from": "gpt", "value": "aVF is negative, I is positive."}]},
    {"id": "c", "conversations": [
        {"from": "human", "value": "What is a QRS complex?"}, {"from": "gpt", "value": "Ventricular depolarisation."},
        {"from": "human", "value": "How long?"}, {"from": "gpt", "value": "Under 120 ms."}]},
    {"id": "d", "image": "d.png", "conversations": [
        {"from": "system", "value": "You read ECGs."}, {"from": "human", "value": "<image>\nAny infarction?"},
        {"from": "gpt", "value": "Yes: Q waves in II, III, aVF."}]},
    {"id": "e", "image": "e.png", "conversations": [
        {"from": "human", "value": "<image>\nRhythm?"}, {"from": "gpt", "value": "Sinus."},
        {"from": "human", "value": "Sure?"}]},
]
ROLES = {"human": "user", "gpt": "assistant", "system": "system"}


def messages(entry, family):
    result = []
    for turn in entry["conversations"]:
        text = turn["value"].replace("<image>", "").strip()
        images = turn["value"].count("<image>")
        if family in LISTED:
            content = [{"type": "image"}] * images + [{"type": "text", "text": text}]
        else:
            content = "<image>\n" * images + text
        result.append({"role": ROLES[turn["from"]], "content": content})
    return result


def tokenizer(folder):
    return PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), bos_token="<s>", eos_token="</s>", clean_up_tokenization_spaces=False)


def rendered():
    base = tokenizer(PACKAGE / "Sources" / "Corpus" / "Resources" / "student")
    result = []
    for family, template in TEMPLATES.items():
        for number, entry in enumerate(ENTRIES):
            asks = entry["conversations"][-1]["from"] == "human"
            text = base.apply_chat_template(
                messages(entry, family), chat_template=template, tokenize=False, add_generation_prompt=asks)
            result.append({"family": family, "entry": number, "text": text})
    return result


def parts(entry, family, image):
    """(text, is answer) pairs of a training text, put together turn by turn."""
    pairs = []
    if family == "idefics3":
        pairs.append(["<|im_start|>", False])
    for turn in entry["conversations"]:
        text = turn["value"].replace("<image>", "").strip()
        has = "<image>" in turn["value"]
        if family == "idefics3":
            if turn["from"] == "gpt":
                pairs += [["Assistant:", False], [" " + text + "<end_of_utterance>", True], ["\n", False]]
            else:
                name = "User:" if turn["from"] == "human" else "System:"
                pairs.append([name + (image if has else " ") + text + "<end_of_utterance>\n", False])
        elif turn["from"] == "gpt":
            pairs += [["ASSISTANT:", False], [" " + text + "</s>", True]]
        elif turn["from"] == "human":
            pairs.append(["USER: " + (image + "\n" if has else "") + text + " ", False])
        else:
            pairs.append([text + " ", False])
    if entry["conversations"][-1]["from"] == "human":
        pairs.append(["Assistant:" if family == "idefics3" else "ASSISTANT:", False])
    return pairs


def labelled(tokens, pairs):
    text = "".join(part for part, _ in pairs)
    spans, at = [], 0
    for part, is_answer in pairs:
        if is_answer:
            spans.append((at, at + len(part)))
        at += len(part)
    made = tokens(text, return_offsets_mapping=True)
    labels = []
    for token, (start, end) in zip(made["input_ids"], made["offset_mapping"]):
        # A token that is all of the space before the answer, or begins with it, belongs to the answer.
        inside = any(start >= low and end <= high and end > start for low, high in spans)
        labels.append(token if inside else -100)
    return made["input_ids"], labels


def idefics3_image(rows, columns, length):
    stub = types.SimpleNamespace(
        fake_image_token="<fake_token_around_image>", image_token="<image>", global_image_tag="<global-img>",
        image_seq_len=length)
    return Idefics3Processor.replace_image_token(stub, {"rows": [[rows]], "cols": [[columns]]}, 0)


def tokenized():
    resources = PACKAGE / "Sources" / "Corpus" / "Resources"
    sides = [
        ("student", resources / "student", "idefics3", 0, 0), ("teacher", resources / "teacher", "idefics3", 0, 0),
        ("tiny_idefics3", SHARED / "tiny_idefics3", "idefics3", 2, 3), ("tiny_llava", SHARED / "tiny_llava", "vicuna", 0, 0)]
    result = []
    for name, folder, family, rows, columns in sides:
        base = tokenizer(folder)
        image = idefics3_image(rows, columns, 3) if family == "idefics3" else "<image>" * 5
        for number, entry in enumerate(ENTRIES):
            ids, labels = labelled(base, parts(entry, family, image))
            result.append(
                {"tokenizer": name, "family": family, "entry": number, "rows": rows, "columns": columns, "ids": ids,
                 "labels": labels})
    return result


json.dump(
    {"templates": TEMPLATES, "entries": ENTRIES, "rendered": rendered(), "tokenized": tokenized()},
    open(HERE / "Recorded" / "conversations.json", "w"), indent=0)
