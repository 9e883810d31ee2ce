"""Browsers that Playwright does not drive here: Firefox by Marionette, WebKitGTK by WebDriver.

Owns starting and ending them, and running scripts in their page. Must not know the page. Invariant: whatever was started is ended,
and a profile is new and goes with its browser.

Marionette: https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html; WebDriver: https://www.w3.org/TR/webdriver2/
"""

import itertools
import json
import shutil
import socket
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Protocol

START_S = 60
"""How long a browser may take to come up."""
SCRIPT_MS = 180_000
"""How long a script in a page may wait."""
FIREFOX = ("firefox-esr", "firefox")
WEBKIT = "WebKitWebDriver"
PREFERENCES = {
    "marionette.port": 0,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "app.update.disabledForTesting": True,
    "network.captive-portal-service.enabled": False,
}
MINI_BROWSERS = ("/usr/lib/*/webkit2gtk-4.1/MiniBrowser", "/usr/libexec/webkit2gtk-4.1/MiniBrowser", "/usr/lib/*/webkitgtk-6.0/MiniBrowser")


class Driver(Protocol):
    """One browser with one page."""

    def open(self, url: str) -> None:
        """Go there, and wait until it is loaded."""

    def run(self, script: str, *arguments: Any) -> Any:
        """The value that a script hands to its last argument, a function; it may do so later."""

    def stop(self) -> None:
        """End the browser."""


class Firefox:
    """Firefox without a window."""

    def __init__(self) -> None:
        program = next(filter(None, map(shutil.which, FIREFOX)), None)
        assert program, "Firefox is missing (Debian: apt-get install firefox-esr)"
        self._profile = tempfile.TemporaryDirectory(prefix="findling-firefox-", ignore_cleanup_errors=True)
        lines = [f'user_pref("{name}", {json.dumps(value)});\n' for name, value in PREFERENCES.items()]
        Path(self._profile.name, "user.js").write_text("".join(lines))
        command = [program, "--headless", "--marionette", "--no-remote", "--profile", self._profile.name]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        self._numbers = itertools.count()
        try:
            self._socket = socket.create_connection(("127.0.0.1", self._port()), timeout=SCRIPT_MS / 1000 + START_S)
            self._stream = self._socket.makefile("rb")
            self._receive()
            self._call("WebDriver:NewSession", {"capabilities": {}})
            self._call("WebDriver:SetTimeouts", {"script": SCRIPT_MS, "pageLoad": SCRIPT_MS})
        except BaseException:
            self.stop()
            raise

    def _port(self) -> int:
        assert self._process.stdout
        for line in self._process.stdout:
            if "Listening on port" in line:
                # What it writes from now on must not fill the pipe.
                threading.Thread(target=self._process.stdout.read, daemon=True).start()
                return int(line.split()[-1])
        raise AssertionError("Firefox ended before it listened")

    def _receive(self) -> Any:
        length = b""
        while not length.endswith(b":"):
            byte = self._stream.read(1)
            assert byte, "Firefox ended"
            length += byte
        return json.loads(self._stream.read(int(length[:-1])))

    def _call(self, command: str, parameters: dict[str, Any]) -> Any:
        message = json.dumps([0, next(self._numbers), command, parameters]).encode()
        self._socket.sendall(str(len(message)).encode() + b":" + message)
        _, _, error, result = self._receive()
        assert error is None, error
        return result

    def open(self, url: str) -> None:
        self._call("WebDriver:Navigate", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        return self._call("WebDriver:ExecuteAsyncScript", {"script": script, "args": arguments})["value"]

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._profile.cleanup()


class WebKit:
    """WebKitGTK's MiniBrowser on a screen that nobody sees."""

    def __init__(self) -> None:
        program, screen = shutil.which(WEBKIT), shutil.which("Xvfb")
        found = [path for pattern in MINI_BROWSERS for path in Path("/").glob(pattern[1:])]
        assert program and screen and found, "WebKitGTK is missing (Debian: apt-get install webkit2gtk-driver xvfb)"
        self._started: list[subprocess.Popen[str]] = []
        try:
            shown = self._start([screen, "-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp"], stdout=subprocess.PIPE)
            assert shown.stdout
            display = shown.stdout.readline().strip()
            assert display, "Xvfb did not start"
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            self._address = f"http://127.0.0.1:{port}"
            self._start([program, f"--port={port}"], env={"DISPLAY": f":{display}", "HOME": tempfile.gettempdir(), "PATH": "/usr/bin:/bin"})
            self._wait()
            options = {"binary": str(found[0]), "args": ["--automation"]}
            session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": options}}})
            self._address += f"/session/{session['sessionId']}"
            self._call("POST", "/timeouts", {"script": SCRIPT_MS, "pageLoad": SCRIPT_MS})
        except BaseException:
            self.stop()
            raise

    def _start(self, command: list[str], **options: Any) -> subprocess.Popen[str]:
        self._started.append(subprocess.Popen(command, text=True, stderr=subprocess.DEVNULL, **options))
        return self._started[-1]

    def _wait(self) -> None:
        # It says nothing when it listens.
        for _ in range(START_S * 20):
            try:
                self._call("GET", "/status")
            except urllib.error.URLError:
                threading.Event().wait(0.05)
            else:
                return
        raise AssertionError("WebKitWebDriver did not start")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=SCRIPT_MS / 1000 + START_S) as reply:
                return json.load(reply)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode(errors="replace")) from error

    def open(self, url: str) -> None:
        self._call("POST", "/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        return self._call("POST", "/execute/async", {"script": script, "args": arguments})

    def stop(self) -> None:
        if "/session/" in getattr(self, "_address", ""):
            try:
                self._call("DELETE", "")
            except (AssertionError, OSError):
                pass
        for process in reversed(self._started):
            process.kill()
            process.wait()
