#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Opens a transcription report in a headless browser and checks that it draws itself, alone and without errors.

    python tools/check_report.py REPORT.html [--screenshot PICTURE.png] [--size 1280x1900]

Needs Chromium (Debian: chromium). Exit status 0: good; 1: something is wrong, said on stdout; 77: no browser.
"""
import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
CANVASES = {"roll", "heat", "overview"}


class Page(HTMLParser):
    """What the drawn page consists of."""

    def __init__(self):
        super().__init__()
        self.drawn = None
        self.ids = set()
        self.canvases = {}
        self.links = []
        self.handlers = []
        self.scripts = 0

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "html":
            self.drawn = attributes.get("data-drawn")
        self.scripts += tag == "script"
        if "id" in attributes:
            self.ids.add(attributes["id"])
        if tag == "canvas":
            self.canvases[attributes.get("id")] = (int(attributes.get("width", 0)), int(attributes.get("height", 0)))
        for name, value in attributes.items():
            if name in ("src", "href", "xlink:href", "srcset", "action", "data") and not value.startswith("data:"):
                self.links.append(f"{tag} {name}={value[:60]}")
            if name.startswith("on"):
                self.handlers.append(f"{tag} {name}")


def browse(browser, url, size, *more):
    with tempfile.TemporaryDirectory() as profile:
        return subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr",
             "--proxy-server=127.0.0.1:9", "--virtual-time-budget=5000", f"--user-data-dir={profile}",
             f"--window-size={size[0]},{size[1]}", *more, url],
            capture_output=True, text=True, errors="replace", timeout=180)


def problems_of(source, page, log):
    for line in re.findall(r"CONSOLE[:(].*", log):
        yield f"the console says: {line}"
    if page.drawn is None:
        yield "the script did not come to its end: the root element has no data-drawn"
    if re.search(r"url\(|@import|\bfetch\(|XMLHttpRequest|WebSocket", source):
        yield "the page names something outside itself"
    yield from (f"the page refers to something outside itself: {link}" for link in page.links)
    yield from (f"an inline event handler: {handler}" for handler in page.handlers)
    if page.scripts != 2:
        yield f"{page.scripts} scripts, 2 were expected"
    for name in sorted({"music", "where", "tip"} - page.ids):
        yield f"the element {name} is missing"
    for name in sorted(CANVASES):
        width, height = page.canvases.get(name, (0, 0))
        if width < 300 or height < 40:
            yield f"the canvas {name} is missing or was not drawn ({width}x{height})"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("report", type=Path)
    arguments.add_argument("--screenshot", type=Path)
    arguments.add_argument("--size", default="1280x1900", help="of the window, for the screenshot")
    arguments = arguments.parse_args()
    size = [int(n) for n in arguments.size.split("x")]
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print(f"none of {', '.join(BROWSERS)} is installed")
        sys.exit(77)
    url = arguments.report.resolve().as_uri()
    result = browse(browser, url, size, "--dump-dom")
    page = Page()
    page.feed(result.stdout)
    problems = list(problems_of(arguments.report.read_text(encoding="utf-8", errors="replace"), page, result.stderr))
    if arguments.screenshot:
        browse(browser, url, size, f"--screenshot={arguments.screenshot.resolve()}")
        if not arguments.screenshot.exists():
            problems.append("no screenshot was written")
    for problem in problems:
        print(problem)
    print(f"{arguments.report}: {page.drawn} notes drawn, {len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
