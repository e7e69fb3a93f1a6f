"""`make demo`: what a newcomer sees first must not lie."""

import os
import subprocess
import sys
from pathlib import Path

from conftest import ORSINO
from servers import PASSWORD

DEMO = Path(__file__).parents[1] / "demo.py"


def run_demo(binary):
    environment = {**os.environ, "ORSINO": str(binary)}
    return subprocess.run([sys.executable, str(DEMO)], env=environment, capture_output=True, text=True, timeout=60)


def test_demo():
    done = run_demo(ORSINO)
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("Sent over implicit TLS", "Sent over STARTTLS", "> AUTH PLAIN ****", "queued as SINK1", "caffè stays caffè"):
        assert word in done.stdout
    assert "\033[" not in done.stdout
    assert f'"{PASSWORD}"' in done.stdout  # in the INI that is shown


def test_demo_notices_that_nothing_was_sent():
    done = run_demo("/bin/true")
    assert done.returncode == 1
    assert "Wrong: 0 messages arrived instead of one." in done.stdout
