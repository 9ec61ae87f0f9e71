"""What the safetensors package reads in files: {file: {tensor: {type, shape, sha256 of its bytes}}}."""
import hashlib
import json
import sys

from safetensors.numpy import load_file

print(
    json.dumps(
        {
            path: {
                name: {
                    "type": str(array.dtype),
                    "shape": list(array.shape),
                    "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
                }
                for name, array in load_file(path).items()
            }
            for path in sys.argv[1:]
        }
    )
)
