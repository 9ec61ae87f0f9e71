#!/usr/bin/env python3
"""Writes Recorded/edf.json: an EDF+C file as EDFlib writes it (pyedflib 0.1.42), and what pyedflib reads out of it.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install pyedflib && /tmp/v/bin/python record_edf.py
"""

import base64
import json
import os
import tempfile

import numpy
import pyedflib

folder = os.path.dirname(os.path.abspath(__file__))
path = os.path.join(tempfile.mkdtemp(), "made.edf")
writer = pyedflib.EdfWriter(path, 2, file_type=pyedflib.FILETYPE_EDFPLUS)
for number, (label, unit, rate, limit) in enumerate([("EEG Fz-REF", "uV", 16, 250.0), ("Resp", "mV", 4, 2.0)]):
    writer.setSignalHeader(number, {
        "label": label, "dimension": unit, "sample_frequency": rate, "physical_min": -limit, "physical_max": limit,
        "digital_min": -2048, "digital_max": 2047, "transducer": "", "prefilter": ""})
random = numpy.random.default_rng(5)
writer.writeSamples([random.uniform(-250, 250, 48), random.uniform(-2, 2, 12)])
writer.writeAnnotation(0.5, -1, "square")
writer.writeAnnotation(1.25, 0.5, "rt \u00e4")
writer.close()
reader = pyedflib.EdfReader(path)
onsets, durations, texts = reader.readAnnotations()
recorded = {
    "file": base64.b64encode(open(path, "rb").read()).decode(),
    "signals": [[float(value) for value in reader.readSignal(number)] for number in range(2)],
    "onsets": [float(onset) for onset in onsets], "durations": [float(duration) for duration in durations],
    "texts": [str(text) for text in texts],
}
with open(os.path.join(folder, "Recorded", "edf.json"), "w") as file:
    json.dump(recorded, file, indent=1)
    file.write("\n")
