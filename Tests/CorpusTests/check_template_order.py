"""Asks transformers which of a folder's files its processor takes the chat template from.

    python Tests/CorpusTests/check_template_order.py FOLDER

FOLDER is that of a model with tokenizer and image processor, such as ../shared/cases/models/tiny_idefics3; it is copied.
Written for transformers 5.23. Prints, file by file as they are added, whose template the processor has; what
`ofSeveralFilesTheOneIsTakenThatTransformersTakes` expects. A template of tokenizer_config.json alone is the tokenizer's, and
the processor's chat_template is None.
"""

import json
import pathlib
import shutil
import sys
import tempfile

import transformers

ORDER = ["tokenizer_config.json", "chat_template.jinja", "chat_template.json", "processor_config.json"]

print("transformers", transformers.__version__)
with tempfile.TemporaryDirectory() as scratch:
    folder = pathlib.Path(scratch) / "model"
    folder.mkdir()
    for file in pathlib.Path(sys.argv[1]).iterdir():
        if file.suffix == ".json":
            shutil.copy(file, folder / file.name)
    for name in ORDER:
        file = folder / name
        if name.endswith(".jinja"):
            file.write_text(name)
        else:
            fields = json.loads(file.read_text()) if file.exists() else {}
            file.write_text(json.dumps({**fields, "chat_template": name}))
        processor = transformers.AutoProcessor.from_pretrained(folder)
        print(f"with {name}: processor {processor.chat_template}, tokenizer {processor.tokenizer.chat_template}")
