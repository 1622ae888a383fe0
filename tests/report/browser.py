"""A headless Chromium that tests can drive, over the DevTools protocol through a pair of pipes: the standard library is
all it needs."""

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

CANDIDATES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ANSWER_SECONDS = 60


def find():
    """The browser's path, or None."""
    given = os.environ.get("WEFT_BROWSER")
    return given or next((path for path in map(shutil.which, CANDIDATES) if path), None)


class Browser:
    """One process of the browser. Pages live in it until it is closed."""

    def __init__(self, path):
        self.folder = tempfile.TemporaryDirectory(prefix="weft-browser-", ignore_cleanup_errors=True)
        to_child, self.write_end = os.pipe()
        self.read_end, from_child = os.pipe()

        def connect():
            # 3 is what the browser reads and 4 what it writes; neither may be lost while the other is put there.
            reads, writes = os.dup(to_child), os.dup(from_child)
            for end in (to_child, from_child, self.write_end, self.read_end):
                os.close(end)
            high = [os.dup2(reads, 60), os.dup2(writes, 61)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            [path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-extensions", "--disable-background-networking", "--disable-component-update",
             "--hide-scrollbars",
             f"--user-data-dir={self.folder.name}", "--remote-debugging-pipe", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False,
            preexec_fn=connect)
        os.close(to_child)
        os.close(from_child)
        self.numbers = itertools.count(1)
        self.rest = b""
        self.events = []

    def close(self):
        try:
            self.call("Browser.close")
        except (OSError, RuntimeError):
            pass
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.write_end)
        os.close(self.read_end)
        self.folder.cleanup()

    def receive(self, until):
        """One message, or None at that time."""
        while b"\0" not in self.rest:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.read_end], [], [], left)[0]:
                return None
            piece = os.read(self.read_end, 1 << 20)
            if not piece:
                raise RuntimeError("the browser is gone")
            self.rest += piece
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, **parameters):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + ANSWER_SECONDS
        while True:
            answer = self.receive(until)
            if answer is None:
                raise RuntimeError(f"the browser did not answer {method}")
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def page(self, **options):
        return Page(self, **options)


class Page:
    """A tab. What it complains about is in `complaints`, what it asks the network for in `requests`."""

    def __init__(self, browser, width=1280, height=900, dark=False, reduced_motion=False, mobile=False, scale=1):
        self.browser = browser
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale,
                  mobile=mobile)
        self.call("Emulation.setTouchEmulationEnabled", enabled=mobile)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if reduced_motion else "no-preference"}])
        # A page that nobody looks at draws no frames.
        self.call("Page.bringToFront")

    def call(self, method, **parameters):
        return self.browser.call(method, session=self.session, **parameters)

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)

    def open(self, path):
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.wait("document.documentElement?.dataset.ready === 'true'")
        self.frames()

    def get(self, expression):
        """The value of an expression, or of the promise that it is."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise AssertionError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, expression):
        until = time.monotonic() + ANSWER_SECONDS
        while not self.get(expression):
            if time.monotonic() > until:
                raise AssertionError(f"never true: {expression}; {self.complaints}")
            time.sleep(0.02)

    def frames(self):
        """Lets everything that was asked for be drawn."""
        self.get("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")

    def center(self, selector):
        element = f"document.querySelector({json.dumps(selector)})"
        self.get(f"{element}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
        self.frames()
        return self.get(f"(() => {{ const box = {element}.getBoundingClientRect();"
                        " return [box.x + box.width / 2, box.y + box.height / 2]; })()")

    def click(self, selector):
        x, y = self.center(selector)
        self.click_at(x, y)

    def mouse(self, kind, x, y, **more):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click_at(self, x, y):
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, button="left", clickCount=1)
        self.mouse("mouseReleased", x, y, button="left", clickCount=1)
        self.frames()

    def drag(self, x, y, to_x, to_y):
        self.mouse("mousePressed", x, y, button="left", clickCount=1)
        for i in range(1, 6):
            self.mouse("mouseMoved", x + (to_x - x) * i / 5, y + (to_y - y) * i / 5, button="left", buttons=1)
        self.mouse("mouseReleased", to_x, to_y, button="left", clickCount=1)
        self.frames()

    def wheel(self, x, y, by, ctrl=False):
        self.mouse("mouseWheel", x, y, deltaX=0, deltaY=by, modifiers=2 if ctrl else 0)
        self.frames()

    def key(self, key, shift=False):
        codes = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Enter": 13, "Escape": 27,
                 "Home": 36, "End": 35, "PageDown": 34, "PageUp": 33, "Tab": 9, " ": 32}
        text = key if len(key) == 1 else "\r" if key == "Enter" else ""
        event = {"key": key, "modifiers": 8 if shift else 0,
                 "windowsVirtualKeyCode": codes.get(key, ord(key[0].upper()))}
        if text:
            event["text"] = text
        self.call("Input.dispatchKeyEvent", type="keyDown", **event)
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)
        self.frames()

    def type(self, text):
        self.call("Input.insertText", text=text)
        self.frames()

    def screenshot(self, path, whole=True):
        size = self.get("[document.documentElement.clientWidth, document.documentElement.scrollHeight]")
        clip = {"clip": {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}} if whole else {}
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole, **clip)
        path.write_bytes(base64.b64decode(shot["data"]))

    def mine(self, *methods):
        self.get("0")
        return [event["params"] for event in self.browser.events
                if event.get("sessionId") == self.session and event.get("method") in methods]

    @property
    def complaints(self):
        thrown = [params["exceptionDetails"].get("exception", {}).get("description", params["exceptionDetails"]["text"])
                  for params in self.mine("Runtime.exceptionThrown")]
        said = [str(params["args"]) for params in self.mine("Runtime.consoleAPICalled")
                if params["type"] in ("error", "warning")]
        logged = [params["entry"]["text"] for params in self.mine("Log.entryAdded")
                  if params["entry"]["level"] in ("error", "warning")]
        return thrown + said + logged

    @property
    def requests(self):
        return [params["request"]["url"] for params in self.mine("Network.requestWillBeSent")]
