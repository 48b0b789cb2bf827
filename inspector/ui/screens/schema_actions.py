"""What can be done with the schema: look where it is from, switch sources, read it again; and learning from the wire.

Owns when files are looked at for a change, and what a change of the catalog leads to on the screen.
"""

from __future__ import annotations

from typing import Final

from inspector.schema.catalog import Catalog
from inspector.session import LiveSource, Session
from inspector.session.reflected import ReflectionSeen
from inspector.session.schema import FileWatch, load_schema
from inspector.store.change import Change
from inspector.ui.launch import Launch
from inspector.ui.screens.choice import Chosen
from inspector.ui.screens.copy_actions import CopyActions
from inspector.ui.screens.schema_dialog import SchemaDialog
from inspector.views.text import counted

_LOOK_SECONDS: Final = 2.0


class SchemaActions(CopyActions):
    """The part of the inspection screen that is about the schema."""

    def __init__(self, launch: Launch, session: Session, target: str | None) -> None:
        super().__init__(launch, session, target)
        self._seen = ReflectionSeen(session.store, launch.catalog) if launch.schema.is_seen else None
        self._watch: FileWatch | None = None

    def watch_files(self) -> None:
        """Look now and then whether the files of the schema have changed, where there are any."""
        if self.launch.schema.proto_files or self.launch.schema.protosets:
            self._watch = FileWatch(self.launch.schema)
            self.set_interval(_LOOK_SECONDS, self.look_at_files)

    def look_at_files(self) -> None:
        """Say when a file has changed."""
        if self._watch is not None and self._watch.has_changed():
            self.say("A file of the schema has changed: F6 reads it again.")

    def learn(self, change: Change) -> None:
        """Take in what reflection answers in the capture tell."""
        if self._seen is not None and self._seen.update(change):
            self.schema_changed()

    def schema_changed(self) -> None:
        """Everything may read differently now, and there may be other methods."""
        self.schema_known()
        self.redraw()

    def redraw(self) -> None:
        """Draw anew what was drawn with another schema."""
        raise NotImplementedError

    def _action_choose_schema(self) -> None:
        self.app.push_screen(SchemaDialog(self.launch.catalog, self.schema_changed), self._chosen)

    def _chosen(self, chosen: Chosen | None) -> None:
        if chosen is not None:
            self._action_reload_schema()

    def _action_reload_schema(self) -> None:
        self.work(self._reload(self.launch.catalog))

    async def _reload(self, catalog: Catalog) -> None:
        source = self.session.source
        target = source.target if isinstance(source, LiveSource) else None
        await load_schema(catalog, self.launch.schema, target)
        self.schema_changed()
        problems = f", {counted(len(catalog.problems), 'problem')} (F3)" if catalog.problems else ""
        self.say(f"The schema is read again: {counted(len(catalog.methods), 'method')}{problems}.")
