"""Makes Recorded/written-templates.json: conversations as the chat templates that this program writes render them.

Run from this folder: pip install transformers==5.23.0 jinja2, then python record_written_templates.py
Recorded/chat-templates holds the texts, which the tests compare with `ChatTemplate.jinja`. Each is rendered twice, by
transformers' apply_chat_template and by jinja2 as it comes (whose blocks are not trimmed), and from contents that are lists
of parts and texts with <image> marks; all four have to agree before anything is written.
"""

import json
import pathlib

import jinja2
from transformers import PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).resolve().parent
RECORDED = HERE / "Recorded"
STUDENT = HERE.parent.parent / "Sources" / "Corpus" / "Resources" / "student" / "tokenizer.json"
ROLES = {"human": "user", "gpt": "assistant", "system": "system"}
MORE = [
    {"id": "f", "image": ["f.png", "g.png"], "conversations": [
        {"from": "human", "value": "<image>\n<image>\nDo the two differ?"}, {"from": "gpt", "value": "It's wider: 'ST' \\n"},
        {"from": "human", "value": "  ÄÖ – 心電図? "}, {"from": "gpt", "value": "{{ no }} {% raw %}"}]},
    {"id": "g", "image": "h.png", "conversations": [
        {"from": "system", "value": "Be brief."}, {"from": "human", "value": "What is a P wave?"},
        {"from": "gpt", "value": "Atrial\ndepolarisation."}, {"from": "human", "value": "Is there one?\n<image>"},
        {"from": "gpt", "value": "Yes"}, {"from": "human", "value": "Where?"}]},
]


def messages(entry, as_parts):
    result = []
    for turn in entry["conversations"]:
        content = turn["value"]
        if as_parts:
            images = content.count("<image>")
            content = [{"type": "image"}] * images + [{"type": "text", "text": content.replace("<image>", "")}]
        result.append({"role": ROLES[turn["from"]], "content": content})
    return result


def rendered(template, entry):
    asks = entry["conversations"][-1]["from"] == "human"
    texts = set()
    for as_parts in (True, False):
        said = messages(entry, as_parts)
        texts.add(TOKENIZER.apply_chat_template(
            said, chat_template=template, tokenize=False, add_generation_prompt=asks))
        texts.add(jinja2.Environment().from_string(template).render(messages=said, add_generation_prompt=asks))
    assert len(texts) == 1, texts
    return texts.pop()


TOKENIZER = PreTrainedTokenizerFast(tokenizer_file=str(STUDENT), bos_token="<s>", eos_token="</s>")
entries = json.load(open(RECORDED / "conversations.json"))["entries"] + MORE
texts = [
    {"family": file.stem, "entry": number, "text": rendered(file.read_text(encoding="utf-8"), entry)}
    for file in sorted((RECORDED / "chat-templates").glob("*.jinja")) for number, entry in enumerate(entries)]
json.dump({"entries": entries, "rendered": texts}, open(RECORDED / "written-templates.json", "w"), indent=0)
