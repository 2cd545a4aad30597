"""The card says "ONNX Runtime 1.17 or newer": the oldest one decides the reference model's golden rows as PyTorch did.

aetk itself asks for a newer one, so the script below uses nothing but NumPy and the runtime, as an app would.
"""

import subprocess
import sys
from pathlib import Path

MODEL = Path(__file__).parents[1] / "exports" / "reference" / "breast-cancer.onnx"

SCRIPT = """
import base64, json, sys
import numpy as np
import onnxruntime

assert onnxruntime.__version__ == "1.17.3"
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
card = json.loads(session.get_modelmeta().custom_metadata_map["aetk.card"])
golden = card["golden"]
inputs = np.frombuffer(base64.b64decode(golden["inputs"]), "<f4").reshape(golden["rows"], -1)
expected = np.frombuffer(base64.b64decode(golden["similarity"]), "<f4")
similarity, is_anomaly, is_valid = session.run(None, {"features": inputs})
assert np.abs(similarity - expected).max() <= card["similarity"]["tolerance"]
assert is_valid.astype(int).tolist() == golden["is_valid"]
decided = [i for i, flag in enumerate(golden["is_anomaly"]) if flag is not None]
assert [int(is_anomaly[i]) for i in decided] == [golden["is_anomaly"][i] for i in decided]
print(len(decided), "golden rows agree")
"""


def test_the_oldest_runtime_decides_the_golden_rows(tmp_path):
    assert subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=False).returncode == 0
    python = tmp_path / "venv/bin/python"
    install = [python, "-m", "pip", "install", "-q", "onnxruntime==1.17.3", "numpy<2"]
    installed = subprocess.run(install, capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stderr
    done = subprocess.run([python, "-c", SCRIPT, MODEL], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "golden rows agree" in done.stdout
