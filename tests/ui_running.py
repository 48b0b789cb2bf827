"""The app at work under a pilot, with a real session behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from textual import events
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget

from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Phase, Session
from inspector.text import counted
from inspector.ui.app import InspectorApp
from inspector.ui.launch import Launch
from inspector.ui.lists.listing import FRAMES, LISTS
from inspector.ui.screen import InspectionScreen
from inspector.ui.widgets.document import Pane
from inspector.ui.widgets.filter_box import FilterBox
from inspector.ui.widgets.notice import Notice
from inspector.ui.widgets.row_list import RowList

PATIENCE = 40.0
"""Seconds until a test gives up on what never comes."""
_LOOK_AGAIN = 0.2
WIDE, NARROW = (160, 48), (80, 24)


class Running(NamedTuple):
    """A running app with its pilot."""

    app: InspectorApp
    pilot: Pilot[int]
    stirred: asyncio.Event
    """Set whenever any message has been handled."""

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds, looking again after every message, and now and then without one."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self.stirred.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.stirred.wait(), _LOOK_AGAIN)
        await self.pilot.pause(0)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self._delivered()

    async def press_at_once(self, *keys: str) -> None:
        """Press keys faster than the app can draw what they do."""
        for key in keys:
            self.app.simulate_key(key)
        await self._delivered()

    async def type(self, text: str) -> None:
        """Type a text faster than the app can draw it."""
        for letter in text:
            self.app.post_message(events.Key(letter, letter))
        await self._delivered()

    async def _delivered(self) -> None:
        """Wait until the app has handled all that was typed, or has ended."""
        await self.pilot.pause()
        await self.until(lambda: self.app.input_queue.is_empty or not self.app.is_running)

    async def turn_to(self, name: str, key: str = "right") -> None:
        """Turn the tabs of the lists until one is in front."""
        for _ in LISTS:
            if self.list.id != name:
                await self.press(key)
        assert self.list.id == name

    async def click_tab(self, bar: str, label: str) -> None:
        """Click a tab of one of the bars of the topmost screen."""
        tabs = self.app.screen.query_one(bar)
        await self.pilot.click(tabs, offset=(lines(tabs)[0].index(label), 0))

    @property
    def screen(self) -> InspectionScreen:
        """The capture that is on top."""
        return [each for each in self.app.screen_stack if isinstance(each, InspectionScreen)][-1]

    @property
    def session(self) -> Session:
        return self.screen.session

    @property
    def frames(self) -> RowList:
        return self.screen.browser.listing.list_of(FRAMES)

    @property
    def list(self) -> RowList:
        return self.screen.browser.listing.shown

    @property
    def pane(self) -> Pane:
        return self.screen.browser.detail.pane

    @property
    def focused(self) -> str | None:
        return None if self.app.focused is None else self.app.focused.id

    @property
    def counts(self) -> str:
        return str(self.screen.query_one(FilterBox).border_subtitle)

    @property
    def lists_tabs(self) -> str:
        """The tabs of the left side, with what is said beside them."""
        return lines(self.screen.query_one("#lists"))[0]

    @property
    def detail_tabs(self) -> str:
        return lines(self.screen.query_one("#detail-tabs"))[0]

    @property
    def notice(self) -> str:
        box = self.screen.query_one(Notice)
        return str(box.content) if box.display else ""

    async def loaded(self) -> None:
        """Wait until a file is read and drawn, and what is known of the row that is selected."""
        await self.until(lambda: self.session.status.phase in (Phase.ENDED, Phase.FAILED))
        frames = counted(LISTS[FRAMES].count(self.screen.feed), "frame")
        await self.until(lambda: frames == "0 frames" or frames in self.counts)
        await self.until(lambda: self.frames.count == len(self.frames.rows))
        await self.until(lambda: not self.list.count or self.screen.browser.subject is not None)


def lines(widget: Widget) -> list[str]:
    """What a widget that is drawn line by line shows."""
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]


def text(widget: Widget) -> str:
    return "\n".join(lines(widget))


@asynccontextmanager
async def running(launch: Launch, size: tuple[int, int] = WIDE) -> AsyncIterator[Running]:
    """The app, until the end of the block; what it started is ended then."""
    stirred = asyncio.Event()

    def note(_message: Message) -> None:
        stirred.set()

    app = InspectorApp(launch)
    app.animation_level = "none"
    try:
        async with app.run_test(size=size, message_hook=note, notifications=True) as pilot:
            await pilot.pause()
            yield Running(app, pilot, stirred)
    finally:
        await app.end_sessions()


_READ: dict[Path, Session] = {}
"""Sessions that have read their file: starting tshark for each test would take most of the time."""


@asynccontextmanager
async def opened(path: Path, size: tuple[int, int] = WIDE) -> AsyncIterator[Running]:
    """The app on a capture file that was read before it started."""
    if path not in _READ:
        _READ[path] = Session(FileSource(path))
        await _READ[path].run()
    launch = Launch(lambda: _READ[path], Catalog(), open_capture=lambda other: Session(FileSource(other)))
    async with running(launch, size) as run:
        await run.loaded()
        yield run


@asynccontextmanager
async def reading(path: Path, size: tuple[int, int] = WIDE) -> AsyncIterator[Running]:
    """The app from its first moment on, while it reads a capture file."""
    launch = Launch(lambda: Session(FileSource(path)), Catalog(), open_capture=lambda other: Session(FileSource(other)))
    async with running(launch, size) as run:
        yield run
