"""The schema: where it is from, which sources are on, reading it again; and learning from the wire.

Owns when files are looked at for a change, and what a change of the catalog leads to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from inspector.errors import InspectorError
from inspector.schema.catalog import Catalog
from inspector.session import LiveSource, Session
from inspector.session.schema import FileWatch, ReflectionSniffer, SchemaSources, load_schema
from inspector.store.store import Change
from inspector.text import counted
from inspector.ui.controllers.context import Actions, ScreenContext
from inspector.ui.controllers.send import RequestForm
from inspector.ui.dialogs.choice import SchemaDialog
from inspector.ui.launch import Launch

_LOOK_SECONDS: Final = 2.0


class SchemaController:
    """What is known of services and types, and how it comes to be known."""

    def __init__(
        self,
        stage: ScreenContext,
        session: Session,
        launch: Launch,
        form: RequestForm | None,
        reread: Callable[[], None],
    ) -> None:
        """`form` is None where nothing can be sent; `reread` has all drawn anew that the schema is read for."""
        self._stage, self._session = stage, session
        self._form, self._reread = form, reread
        self._catalog: Catalog = launch.catalog
        self._sources: SchemaSources = launch.schema
        self._prepare = launch.prepare
        self._seen = ReflectionSniffer(session.store, launch.catalog) if launch.schema.is_seen else None
        self._watch: FileWatch | None = None

    @property
    def actions(self) -> Actions:
        """To look, and to read again."""
        return {"choose_schema": self._choose, "reload_schema": self._reload}

    async def begin(self) -> None:
        """Read it for the first time, where that has not been done for an earlier session on the same capture."""
        if self._session.is_continued:
            self._watch_files()
        elif self._prepare is not None:
            try:
                await self._read_first(self._prepare)
            except InspectorError as error:
                self._stage.tell(error.message, error.hint)

    async def _read_first(self, prepare: Callable[[], Awaitable[str]]) -> None:
        try:
            if sentence := await prepare():
                self._stage.tell(sentence, title="Schema")
        finally:
            self._changed()
            self._watch_files()

    def learn(self, change: Change) -> None:
        """Take in what reflection answers in the capture tell."""
        if self._seen is not None and self._seen.update(change):
            self._changed()

    def _watch_files(self) -> None:
        """Look now and then whether the files of the schema have changed, where there are any."""
        if self._sources.proto_files or self._sources.protosets:
            self._watch = FileWatch(self._sources)
            self._stage.every(_LOOK_SECONDS, self._look_at_files)

    def _look_at_files(self) -> None:
        if self._watch is not None and self._watch.has_changed():
            self._stage.say("A file of the schema has changed: F6 reads it again.")

    def _changed(self) -> None:
        """Everything may read differently now, and there may be other methods."""
        if self._form is not None:
            self._form.schema_known()
        self._reread()

    def _choose(self) -> None:
        self._stage.ask(SchemaDialog(self._catalog, self._changed), lambda _: self._reload())

    def _reload(self) -> None:
        self._stage.work(self._read_again())

    async def _read_again(self) -> None:
        source = self._session.source
        await load_schema(self._catalog, self._sources, source.target if isinstance(source, LiveSource) else None)
        self._changed()
        problems = f", {counted(len(self._catalog.problems), 'problem')} (F3)" if self._catalog.problems else ""
        self._stage.say(f"The schema is read again: {counted(len(self._catalog.methods), 'method')}{problems}.")
