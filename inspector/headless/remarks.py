"""What is said beside the output, once, when a command has read all that there is."""

from __future__ import annotations

from inspector.headless.output import say
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.views.late_joins import LateJoins


def say_what_is_uncertain(store: Store, catalog: Catalog) -> None:
    """Tell of connections that were joined late, if there are any."""
    joins = LateJoins(store, catalog)
    joins.update(store.everything())
    if sentence := joins.sentence():
        say(sentence)
