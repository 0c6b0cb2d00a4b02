"""The command line as a test runs it: what it prints, what it refuses, and the documents that it writes."""

from __future__ import annotations

import json
import subprocess
from abc import ABC, abstractmethod
from typing import Any


class CommandLine(ABC):
    """Runs the command line somewhere."""

    @abstractmethod
    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""

    def done(self, *arguments: str) -> str:
        """Run it and return what it printed."""
        found = self.run(*arguments)
        assert found.returncode == 0, (arguments, found.stdout, found.stderr)
        return found.stdout

    def refused(self, *arguments: str) -> str:
        """Run it, which is refused, and return the sentence."""
        found = self.run(*arguments)
        assert found.returncode == 1, (arguments, found.stdout, found.stderr)
        return found.stderr

    def json(self, *arguments: str) -> Any:
        """Run it and return the document that it printed."""
        return json.loads(self.done(*arguments, "--json"))
