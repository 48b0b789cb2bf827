"""The schema: load and reload it, switch its sources, and add to it what reflection in the capture reveals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from inspector.errors import InspectorError
from inspector.schema.catalog import Catalog
from inspector.session import LiveSource, Session
from inspector.session.schema import FileWatch, ReflectionSniffer, SchemaSources, load_schema
from inspector.store.store import Change
from inspector.text import counted
from inspector.ui.controllers.context import ScreenContext
from inspector.ui.controllers.send import RequestForm
from inspector.ui.dialogs.choice import SchemaDialog
from inspector.ui.launch import Launch

_WATCH_SECONDS: Final = 2.0
"""The interval between two checks whether a .proto file was modified."""


class SchemaController:
    """Keeps the catalog up to date, and tells the rest of the screen when it changed."""

    def __init__(
        self,
        context: ScreenContext,
        session: Session,
        launch: Launch,
        form: RequestForm | None,
        on_change: Callable[[], None],
    ) -> None:
        """`form` is None when nothing can be sent; `on_change` redraws everything that is decoded by the schema."""
        self._context, self._session = context, session
        self._form, self._on_change = form, on_change
        self._catalog: Catalog = launch.catalog
        self._sources: SchemaSources = launch.schema
        self._prepare = launch.prepare
        self._sniffer = ReflectionSniffer(session.store, launch.catalog) if launch.schema.is_seen else None
        self._watch: FileWatch | None = None

    async def start(self) -> None:
        """Load the schema, unless an earlier session on the same capture has done so."""
        if self._session.is_continued:
            self._watch_files()
        elif self._prepare is not None:
            try:
                await self._load_first(self._prepare)
            except InspectorError as error:
                self._context.show_notice(error.message, error.hint)

    async def _load_first(self, prepare: Callable[[], Awaitable[str]]) -> None:
        try:
            if sentence := await prepare():
                self._context.show_notice(sentence, title="Schema")
        finally:
            self._catalog_changed()
            self._watch_files()

    def update(self, change: Change) -> None:
        """Add the types in newly captured reflection answers to the catalog."""
        if self._sniffer is not None and self._sniffer.update(change):
            self._catalog_changed()

    def action_choose_schema(self) -> None:
        """Show the sources of the schema, to switch them on and off or to reload them."""
        dialog = SchemaDialog(self._catalog, self._catalog_changed)
        self._context.push_dialog(dialog, lambda _: self.action_reload_schema())

    def action_reload_schema(self) -> None:
        """Read the .proto files and the service's reflection again."""
        self._context.run_task(self._reload())

    async def _reload(self) -> None:
        source = self._session.source
        await load_schema(self._catalog, self._sources, source.target if isinstance(source, LiveSource) else None)
        self._catalog_changed()
        problems = f", {counted(len(self._catalog.problems), 'problem')} (F3)" if self._catalog.problems else ""
        self._context.notify(f"Schema reloaded: {counted(len(self._catalog.methods), 'method')}{problems}.")

    def _watch_files(self) -> None:
        if self._sources.proto_files or self._sources.protosets:
            self._watch = FileWatch(self._sources)
            self._context.set_interval(_WATCH_SECONDS, self._check_files)

    def _check_files(self) -> None:
        if self._watch is not None and self._watch.has_changed():
            self._context.notify("A file of the schema has changed. F6 reloads it.")

    def _catalog_changed(self) -> None:
        """Update the request form, which may have another method now, and everything that is decoded."""
        if self._form is not None:
            self._form.schema_loaded()
        self._on_change()
