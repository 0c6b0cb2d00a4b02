"""installer/node/certificates, with the real openssl."""

import subprocess
import time
from pathlib import Path

from tests.levels import ROOT

HOUR = 3600


def test_a_machine_whose_clock_is_an_hour_behind_takes_the_certificates_that_were_just_made(tmp_path: Path) -> None:
    subprocess.run([ROOT / "installer/node/certificates", tmp_path, "h1=10.0.0.1"], check=True, capture_output=True)
    moment = str(int(time.time()) - HOUR)
    for purpose in ("sslserver", "sslclient"):
        asked = ["openssl", "verify", "-attime", moment, "-purpose", purpose, "-verify_ip", "10.0.0.1"]
        command = [*asked, "-CAfile", str(tmp_path / "ca.crt"), str(tmp_path / "h1/node.crt")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
