"""`make picture`: the real app with real calls, as the picture in docs/.

A picture stands on its own: Textual's link to a web font is taken out, and any monospaced font will do.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from inspector.capture.source import GREET_TARGET
from inspector.model.call import CallState
from inspector.schema.catalog import Catalog
from inspector.session import LiveSource, Session
from inspector.ui.app import InspectorApp
from inspector.ui.launch import Launch

DOCS = Path(__file__).parents[1] / "docs"
NAMES = ("World", "Ada", "Grace")
FONTS = '"DejaVu Sans Mono", Menlo, Consolas, monospace'


async def draw(columns: int, lines: int) -> str:
    """The screen after a few calls, as SVG."""
    session = Session(LiveSource(GREET_TARGET, greet=True))
    app = InspectorApp(Launch(make_session=lambda: session, catalog=Catalog(), target=str(GREET_TARGET)))
    async with app.run_test(size=(columns, lines)) as pilot:
        await session.wait_live()
        for count, name in enumerate(NAMES, 1):
            await pilot.press("ctrl+u", *name, "enter")
            while sum(call.state is CallState.COMPLETE for call in session.store.calls.values()) < count:
                await pilot.pause(0.05)
            await pilot.pause(0.2)
        await pilot.press("escape", "up", "down")
        await pilot.pause(0.3)
        picture = app.export_screenshot(title="grpc-inspector")
        await app.end_sessions()
    return without_web_font(picture)


def without_web_font(picture: str) -> str:
    """The same picture without addresses of fonts."""
    picture = re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)
    picture = picture.replace("<svg ", '<svg xml:space="preserve" ', 1)  # without it leading spaces are dropped
    return picture.replace("Fira Code", "DejaVu Sans Mono").replace("font-family: arial;", f"font-family: {FONTS};")


def main() -> None:
    """Draw the picture at the size given on the command line, 150x40 without one."""
    columns, lines = map(int, (sys.argv[1] if len(sys.argv) > 1 else "150x40").split("x"))
    DOCS.mkdir(exist_ok=True)
    (DOCS / "screen.svg").write_text(asyncio.run(draw(columns, lines)))


if __name__ == "__main__":
    main()
