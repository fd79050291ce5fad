"""A server in a process of its own, which never outlives the block that asked for it."""

import os
import re
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PATIENCE_S = 120
ADDRESS = re.compile(r" at (http://[\d.:]+)")


class Log:
    """What a process writes to standard error; it never waits for its reader."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._lines: list[str] = []
        self._process = process
        self._addressed = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def text(self) -> str:
        return "".join(self._lines)

    def address(self) -> str:
        assert self._addressed.wait(PATIENCE_S), f"the server did not start:\n{self.text}"
        found = ADDRESS.search(self.text)
        assert found, f"the server ended:\n{self.text}"
        return found[1]

    def close(self) -> None:
        self._reader.join(PATIENCE_S)

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self._lines.append(line)
                if ADDRESS.search(line):
                    self._addressed.set()
        self._addressed.set()


@dataclass(frozen=True)
class Started:
    process: "subprocess.Popen[str]"
    address: str
    log: Log

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def stop(self, signal: int) -> int:
        """Its exit status, after everything it had to say is in the log."""
        self.process.send_signal(signal)
        status = self.process.wait(PATIENCE_S)
        self.log.close()
        return status


@contextmanager
def started(
    command: Sequence[str], *, folder: Path = REPOSITORY, ready: bool = True
) -> Iterator[Started]:
    """Once it listens, or, if asked, once it says that it is ready; killed in the end."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    log = Log(process)
    try:
        server = Started(process, log.address(), log)
        if ready:
            wait_ready(server.address)
        yield server
    finally:
        process.kill()
        process.wait()
        log.close()


def wait_ready(address: str) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=PATIENCE_S):
                return
        except urllib.error.HTTPError as error:
            assert error.code == 503, error.code
            assert time.monotonic() < give_up, error.read().decode()
            time.sleep(0.05)
