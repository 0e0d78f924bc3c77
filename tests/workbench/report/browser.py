"""A real, headless Chromium, driven over the DevTools protocol by a pipe: no driver and no package of its own.

    with Browser(profile_folder) as browser:
        page = browser.open(path, width=360, dark=True)
        page.evaluate("document.title")

The protocol: https://chromedevtools.github.io/devtools-protocol/ ; messages are JSON, ended by a zero byte, written to
the browser's file descriptor 3 and read from its 4.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HOW_TO_GET_ONE = "no Chromium found; on Debian: apt-get install -y chromium"
SECONDS = 120  # to wait for an answer: the machine may be busy
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
)


def find() -> str | None:
    """The browser's program, None where there is none."""
    return next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )


@dataclass
class Page:
    """An open page.

    Attributes:
        requests: every address that it asked for, itself left out.
        complaints: what stood in its console, uncaught exceptions and the browser's own log of it.
    """

    browser: Browser
    session: str
    requests: list[str] = field(default_factory=list[str])
    complaints: list[str] = field(default_factory=list[str])
    loaded: set[str] = field(default_factory=set[str])  # loaders that are through

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self.browser.call(method, self.session, **params)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page. Raises RuntimeError where it throws."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def screenshot(self, path: Path, whole: bool = True) -> None:
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(picture["data"]))

    def seen(self, method: str, params: dict[str, Any]) -> None:
        """Note an event of the protocol."""
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(str([arg.get("value") for arg in params["args"]]))
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        elif method == "Page.lifecycleEvent" and params["name"] == "load":
            self.loaded.add(params["loaderId"])
        elif method == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])


class Browser:
    """The process. `profile` is an empty folder of its own."""

    def __init__(self, profile: Path) -> None:
        program = find()
        if program is None:
            raise FileNotFoundError(HOW_TO_GET_ONE)
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        # the browser wants them as 3 and 4, whatever their numbers are here
        command = ["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "-", program, *FLAGS]
        self._process = subprocess.Popen(
            [*command, "--remote-debugging-pipe", f"--user-data-dir={profile}"],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._pages: dict[str, Page] = {}
        self._buffer = b""
        self._number = 0

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(SECONDS)
        os.close(self._write)
        os.close(self._read)

    def open(self, path: Path, width: int = 1280, height: int = 900, dark: bool = False, media: str = "") -> Page:
        """Open a file and wait until it has loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        mobile = width < 600
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        address = path.resolve().as_uri()
        page.call("Page.setLifecycleEventsEnabled", enabled=True)
        loader = page.call("Page.navigate", url=address)["loaderId"]
        while loader not in page.loaded:
            self._note(self._next())
        page.requests = [url for url in page.requests if url != address]
        return page

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """The result of one call. Raises RuntimeError where the browser refuses, TimeoutError where it is silent."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer)

    def _note(self, message: dict[str, Any]) -> None:
        page = self._pages.get(message.get("sessionId", ""))
        if page is not None and "method" in message:
            page.seen(message["method"], message["params"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._read], [], [], SECONDS)[0]:
                raise TimeoutError(f"the browser has said nothing for {SECONDS} s")
            piece = os.read(self._read, 1 << 20)
            if not piece:
                raise RuntimeError(f"the browser ended, exit code {self._process.wait()}")
            self._buffer += piece
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)
