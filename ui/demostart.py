"""Start Demo: a cluster of three nodes on this machine, as a program that ends with the window."""

import shlex
import sys

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, Signal

READY = "ready: clusteradmin --cluster "


class DemoStarter(QObject):
    """Runs `clusteradmin demo --headless` and tells when its cluster can be opened."""

    ready = Signal(str)  # name of the saved connection
    said = Signal(str)  # a line of progress
    failed = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._process = QProcess(self)
        self._process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        self._process.setProcessEnvironment(QProcessEnvironment.systemEnvironment())
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.finished.connect(self._finished)
        self._rest = ""
        self._last = ""
        self._ended = False

    @property
    def running(self) -> bool:
        return self._process.state() != QProcess.ProcessState.NotRunning

    def start(self) -> None:
        """Start it; once is enough."""
        if not self.running:
            self._ended = False
            self._process.start(sys.executable, ["-m", "ui", "demo", "--headless"])

    def stop(self, seconds: float = 20.0) -> None:
        """End it and wait for its end: it stops its nodes first."""
        self._ended = True
        if self.running:
            self._process.terminate()
            if not self._process.waitForFinished(int(seconds * 1000)):
                self._process.kill()
                self._process.waitForFinished(1000)

    def _read(self) -> None:
        text = self._rest + bytes(self._process.readAllStandardOutput().data()).decode(errors="replace")
        *lines, self._rest = text.split("\n")
        for line in lines:
            if READY in line:
                self.ready.emit(shlex.split(line.split(READY, 1)[1])[0])
            elif line.strip():
                self._last = line.strip()
                self.said.emit(self._last)

    def _finished(self, code: int) -> None:
        if code != 0 and not self._ended:
            self.failed.emit(self._last or self.tr("The demo ended with exit code {0}.").format(code))
