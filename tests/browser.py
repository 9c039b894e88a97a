"""A page in headless Chromium: its DOM when all is drawn, and what the console said."""

import base64
import hashlib
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

BINARY = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",  # small in containers
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--v=0",
]


@dataclass(frozen=True)
class Opened:
    """What a browser made of a page."""

    root: dict[str, str | None]
    """Attributes of its html element."""
    console: list[str]


def open_page(path: Path, probe: str = "", width: int = 1280, *flags: str) -> Opened:
    """The page at `path` after its charts are drawn and then the script `probe` has run, which its policy is made to allow."""
    assert BINARY is not None
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(with_probe(path.read_text(encoding="utf-8"), probe), encoding="utf-8")
        command = [
            BINARY,
            *FLAGS,
            *flags,
            "--virtual-time-budget=20000",
            f"--window-size={width},900",
            f"--user-data-dir={folder}/profile",
            "--dump-dom",
        ]
        done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    return Opened(_root(done.stdout), [line for line in done.stderr.splitlines() if ":CONSOLE" in line])


def with_probe(page: str, probe: str) -> str:
    """The page with one script more, known to its policy by its hash."""
    if not probe:
        return page
    script = f"""
        const probe = () => {{ {probe} }};
        const root = document.documentElement;
        if (root.dataset.drawn) probe();
        else new MutationObserver((_, watch) => {{ if (root.dataset.drawn) {{ watch.disconnect(); probe(); }} }})
            .observe(root, {{ attributes: true }});
    """
    known = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = re.sub("script-src", f"script-src 'sha256-{known}'", page, count=1)
    before, end, after = page.rpartition("</body>")  # the library speaks of bodies, too
    return f"{before}<script>{script}</script>{end}{after}"


class _Root(HTMLParser):
    attributes: dict[str, str | None] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "html" and self.attributes is None:
            self.attributes = dict(attrs)


def _root(dom: str) -> dict[str, str | None]:
    parser = _Root()
    parser.feed(dom[:100_000])
    return parser.attributes or {}
