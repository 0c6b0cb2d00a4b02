"""All pictures: icons and controls, the main window, wizards, sheets and dialogs: `python -m tests.screenshots DIR`."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

DRAWN = ("gallery", "window", "dialogs")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, nargs="?", help="a new one for temporary files when left out")
    options = parser.parse_args()
    directory = options.directory or Path(tempfile.mkdtemp(prefix="clusteradmin-screenshots-"))
    failed = 0
    for module in DRAWN:
        command = [sys.executable, "-m", f"tests.screenshots.{module}", str(directory / module)]
        failed += subprocess.run(command, check=False).returncode != 0
    sys.stdout.write(f"The pictures are in {directory}.\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
