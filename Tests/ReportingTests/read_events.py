"""What TensorBoard reads in a folder of event files: {run: {tag: [[step, value, wall time], ...]}}."""
import json
import os
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

runs = {}
for name in sorted(os.listdir(sys.argv[1])):
    events = EventAccumulator(os.path.join(sys.argv[1], name), size_guidance={"scalars": 0})
    events.Reload()
    runs[name] = {
        tag: [[event.step, event.value, event.wall_time] for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }
print(json.dumps(runs))
