"""Tables that tests here share are found beside them."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
# These need packages that are not always there; the tests that use them ask first.
collect_ignore_glob = ["array_api_plugin.py", "onnx_*.py"]
