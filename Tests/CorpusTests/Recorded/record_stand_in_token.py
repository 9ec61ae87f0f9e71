"""Ids that the tokenizers library (0.23.3) gives texts with <image> where the token was added past the vocabulary.

  python record_stand_in_token.py ../../../../shared/cases/models/tiny_llava > stand-in-token.json

The fixture's own <image> is taken out first; tokens nobody writes fill the ids up to the one asked for.
"""
import json
import sys

from tokenizers import AddedToken, Tokenizer

ID = 544
TEXTS = ["<image>", "USER: <image>\nIs it normal? ASSISTANT:", "a<image><image> b", "no image", " <image> ", "<image></s>",
         "<image>é\n<pad>"]

with open(sys.argv[1] + "/tokenizer.json", encoding="utf-8") as file:
    fields = json.load(file)
fields["added_tokens"] = [token for token in fields["added_tokens"] if token["content"] not in ("<image>", "<pad>")]
tokenizer = Tokenizer.from_str(json.dumps(fields))
size = tokenizer.get_vocab_size()
fillers = [f"<nobody writes {i}>" for i in range(size, ID)]
fillers[521 - size] = "<pad>"  # keeps its id
tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in fillers + ["<image>"]])
assert tokenizer.token_to_id("<image>") == ID and tokenizer.token_to_id("<pad>") == 521
print(json.dumps({"id": ID, "ids": {text: tokenizer.encode(text).ids for text in TEXTS}}, indent=1))
