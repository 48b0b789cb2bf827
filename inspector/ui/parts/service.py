"""All that sends, where there is a service to send to: made of its parts here, and begun and ended as one."""

from __future__ import annotations

from inspector.client.caller import ConnectionState
from inspector.ui.launch import Launch
from inspector.ui.parts.calling import Calling
from inspector.ui.parts.form import Form
from inspector.ui.parts.requests import Requests
from inspector.ui.parts.room import Room
from inspector.ui.parts.running import Running
from inspector.ui.parts.sent_view import SentView
from inspector.ui.parts.stage import Actions, Hears, Stage
from inspector.ui.request_history import RequestHistory
from inspector.ui.sending import Sending
from inspector.ui.widgets.browser import Browser
from inspector.ui.widgets.request_box import RequestBox
from inspector.ui.widgets.words import how_to_send


class Service:
    """The service that the request box calls."""

    def __init__(
        self,
        stage: Stage,
        room: Room,
        browser: Browser,
        sending: Sending,
        box: RequestBox,
        launch: Launch,
        history: RequestHistory,
    ) -> None:
        catalog, target = launch.catalog, sending.target
        self._sending, self._launch = sending, launch
        self.form = Form(stage, box, room, catalog, history, target=target, is_greet=sending.is_greet)
        self.view = SentView(browser.feed, browser, room, sending, catalog)
        self._calling = Calling(stage, self.form, box, sending, self.view, catalog, history)
        self._requests = Requests(stage, self.form, self._calling, browser, catalog, history, target)
        self.running = Running(stage, self.form, room, sending, self.view)

    @property
    def actions(self) -> Actions:
        """Those of its parts."""
        return {**self._requests.actions, **self.running.actions}

    @property
    def hears(self) -> Hears:
        """What the request box tells."""
        return {**self._calling.hears, **self._requests.hears}

    @property
    def connection(self) -> ConnectionState | None:
        """The state of the connection that was used last; None before there was any."""
        return self._sending.state

    @property
    def how_to_send(self) -> tuple[str, ...]:
        """What stands in the list before the first frame."""
        return how_to_send(self.form.method, is_unseen=self._sending.is_unseen)

    def begin(self, *, is_continued: bool) -> None:
        """Show the method to begin with; `is_continued` as of a session."""
        if is_continued:
            self.form.go_on(self._launch.draft)
        else:
            self.form.begin(self._launch.method, is_awaited=self._launch.prepare is not None)
