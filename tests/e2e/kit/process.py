# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""Child processes that cannot outlive the test run, and waiting for conditions."""
import ctypes
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def _die_with_parent():
    """Runs in the child before exec: the kernel kills it when the thread that started it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, seconds=30.0, what="the condition", interval=0.01):
    """Returns the first true value of condition(); a failure after the deadline names what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {seconds} s")
        time.sleep(interval)


class Process:
    """A background program whose output is collected line by line.

    The output is read on a thread of its own, so the child never blocks on a full pipe.
    """

    def __init__(self, args, *, env=None, cwd=None, name=None):
        self.args = [str(a) for a in args]
        self.name = name or pathlib.Path(self.args[0]).name
        self._lines = []
        self._changed = threading.Condition()
        self.popen = subprocess.Popen(
            self.args, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True, preexec_fn=_die_with_parent)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.popen.stdout:
            with self._changed:
                self._lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def output(self) -> str:
        with self._changed:
            return "\n".join(self._lines)

    def wait_line(self, pattern, seconds=30.0) -> re.Match:
        """The first line that matches, printed already or later; fails at once when the program ends without it."""
        regex = re.compile(pattern)
        deadline = time.monotonic() + seconds
        seen = 0
        with self._changed:
            while True:
                for line in self._lines[seen:]:
                    if match := regex.search(line):
                        return match
                seen = len(self._lines)
                left = deadline - time.monotonic()
                ended = self.popen.poll() is not None and not self._reader.is_alive()
                if ended or left <= 0:
                    why = f"ended with {self.popen.returncode}" if ended else f"printed no such line in {seconds} s"
                    raise TimeoutError(f"{self.name} {why} (looking for {pattern!r}):\n" + "\n".join(self._lines[-40:]))
                self._changed.wait(min(left, 0.1))

    def signal(self, number):
        if self.popen.poll() is None:
            self.popen.send_signal(number)

    def wait(self, seconds=30.0) -> int:
        try:
            code = self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(f"{self.name} did not end within {seconds} s:\n{self.output[-4000:]}") from None
        self._reader.join(5)
        return code

    def stop(self, seconds=10.0) -> int:
        """SIGTERM, and SIGKILL to the whole process group if that is not enough."""
        self.signal(signal.SIGTERM)
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        self.kill()
        return self.popen.returncode

    def kill(self):
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()
        self._reader.join(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def rss_mb(pid) -> float:
    """Resident memory now."""
    return _status_kb(pid, "VmRSS") / 1024


def peak_rss_mb(pid) -> float:
    return _status_kb(pid, "VmHWM") / 1024


def _status_kb(pid, field) -> int:
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise KeyError(field)


def cpu_seconds(pid) -> float:
    """User and system time of all threads so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
