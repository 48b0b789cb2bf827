"""The sentences about a capture as a whole: counts, and what stands in an empty list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.client.active_call import Outcome
from inspector.schema.catalog import GREET_METHOD, GREET_ORIGIN, Catalog, Method
from inspector.schema.template import short_template
from inspector.schema.typed import descriptor_of
from inspector.session import Phase, SessionStatus
from inspector.text import clean, counted
from inspector.ui.draft import json_text
from inspector.ui.feed import Feed
from inspector.ui.lists.listing import FRAMES, LISTS, PACKETS

_NOTHING_YET: Final = {
    Phase.STARTING: ("Starting the capture…", "You can type already: what you send leaves as soon as it is live."),
    Phase.LIVE: ("Waiting for the first frame to or from {}.",),
    Phase.READING: ("Reading {}…",),
    Phase.STOPPED: ("Stopped before there was anything to show.", "Ctrl+E goes on."),
    Phase.ENDED: ("There are no HTTP/2 frames in {}.", "--port N decodes a port that is not recognised by itself."),
    Phase.FAILED: ("There is nothing to show.",),
}
_NOTHING_CAME: Final = ("No packet has come yet.", "tcpdump writes each packet at once with -U.")


def counts(feed: Feed, list_: str = FRAMES, marks: int = 0) -> str:
    """How many rows of a list are shown, how many are hidden and why, and how many are marked."""
    tab = LISTS[list_]
    total = tab.count(feed)
    if not total:
        return ""
    marked = f"{marks:,} marked · " if marks else ""
    if tab.shown is None:
        is_filtered = " · whatever the filter" if feed.frames.filter.text else ""
        return f"{marked}{counted(total, tab.noun)}{is_filtered}"
    hidden = "".join(_hidden(feed)) if list_ == FRAMES else ""
    return f"{marked}{tab.shown(feed):,} of {counted(total, tab.noun)}{hidden}"


def _hidden(feed: Feed) -> Iterator[str]:
    """Which frames are not shown for other reasons than the filter."""
    if feed.store.frames.first:
        yield f" · {feed.store.frames.first:,} older dropped"
    if feed.frames.show_control:
        yield " · control frames shown (h)"
    elif feed.frames.hidden_control:
        yield f" · {counted(feed.frames.hidden_control, 'control frame')} hidden (h)"


def request_placeholder(method: Method | None, catalog: Catalog, *, is_waiting: bool) -> str:
    """What stands in the empty request box."""
    if method is None:
        asked = any(each.origin != GREET_ORIGIN for each in catalog.methods.values())
        if is_waiting or asked:
            return "Asking the service for its methods…" if is_waiting else "Ctrl+T chooses a method"
        return "The service tells no schema: --proto FILE gives one; Ctrl+T takes any package.Service/Method"
    found = catalog.message_class(method.request_type, method.origin)
    if found is None:
        return 'No schema: by field numbers, as in {"1": "World", "2": 5}, or bytes, as in 0x0a05576f726c64'
    fields = descriptor_of(found).fields
    if len(fields) == 1 and fields[0].message_type is None and not fields[0].is_repeated:
        return f"{method.request_name}: type and press Enter; empty is fine too"
    return f"{method.request_name}: {short_template(descriptor_of(found))}; F2 edits it"


def outcome_words(outcome: Outcome, catalog: Catalog) -> tuple[str, str]:
    """Why a call failed, and the details that the service gave, a line each; empty for one that went well."""
    rich = outcome.rich(catalog)
    return outcome.detail, "" if rich is None else "\n".join(map(_detail, rich.details))


def _detail(detail: object) -> str:
    if not isinstance(detail, dict):
        return json_text(detail)
    name = str(detail.get("@type", "")).rpartition(".")[2]
    return f"{name} {json_text({key: value for key, value in detail.items() if key != '@type'})}"


def how_to_send(method: Method | None, *, is_unseen: bool) -> tuple[str, ...]:
    """What stands in the list before the first frame, where calls can be sent."""
    if is_unseen:
        return "Calls from here go over TLS: no frame of theirs can be read.", "f shows what the client says of them."
    if method is None:
        return "Waiting for the first frame.", "Ctrl+T chooses a method to call."
    what = "name" if method.path == GREET_METHOD else "request"
    return "Waiting for the first frame.", f"Type a {what} below and press Enter."


def placeholder(feed: Feed, status: SessionStatus, invitation: tuple[str, ...], list_: str) -> tuple[str, ...]:
    """What stands in place of rows while a list has none."""
    is_packets = list_ == PACKETS
    if feed.frames.filter.terms and (feed.packets.total if is_packets else feed.store.frames):
        return _nothing_matches(feed, is_packets=is_packets)
    if is_packets and feed.store.packets and not feed.packets.total:
        return ("No packets have been listed yet.",)
    if feed.store.frames:
        return ("Only control frames so far.", "Press h to see them.")
    if status.phase is Phase.LIVE and invitation:
        return invitation
    if is_packets and status.phase is Phase.ENDED:
        return (f"There are no packets in {clean(status.source)}.",)
    waits = status.phase is Phase.READING and not (feed.store.packets or status.is_whole)
    return tuple(line.format(clean(status.source)) for line in (_NOTHING_CAME if waits else _NOTHING_YET[status.phase]))


def _nothing_matches(feed: Feed, *, is_packets: bool) -> tuple[str, ...]:
    said = "Nothing matches the filter.", "Press / to change it, Ctrl+U in it to clear it."
    if is_packets and feed.frames.filter.packets is None:
        return *said, "It looks for words in frames; = in front makes it a display filter of Wireshark's."
    return said
