"""What a report says of the machine it was made on."""

import platform


def describe_machine():
    """The processor's name and the system's."""
    with open("/proc/cpuinfo") as file:
        model = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    return f"{model}, {platform.system()}"
