"""The client against a scripted worker, run by Node's own test runner. Owns nothing but the call."""

import subprocess
from pathlib import Path


def test_the_client_keeps_its_promises_to_a_scripted_worker() -> None:
    script = Path(__file__).with_name("client.test.mjs")
    run = subprocess.run(["node", "--test", str(script)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
