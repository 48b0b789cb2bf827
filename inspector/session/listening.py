"""What the raw bytes of a capture say of its ports, ahead of tshark, and what follows from it.

Owns which openings are believed. How a port is decoded is the decoder's; here it is told.
"""

from __future__ import annotations

from collections.abc import Callable

from inspector.capture.frame_scan import FrameScan
from inspector.capture.ports import Opening, PortFinder
from inspector.capture.records import holds_tls_keys
from inspector.session.decoder import Decoder
from inspector.session.packets import Packets
from inspector.session.remarks import unreadable


class Listening:
    """One capture's bytes, heard in their order."""

    def __init__(
        self, decoder: Decoder, packets: Packets, on_notice: Callable[[str], None], *, knows_its_port: bool
    ) -> None:
        """`knows_its_port` when nothing but one service's port is captured: then no others are looked for by frames."""
        self._decoder = decoder
        self._packets = packets
        self._on_notice = on_notice
        self._finder = PortFinder()
        self._scan = None if knows_its_port else FrameScan()
        self._has_keys = False
        """True when the capture itself holds keys of TLS."""
        self.decided: frozenset[int] = frozenset()
        """Ports of which a person has said what they carry."""

    def go_on_for(self, former: Listening) -> None:
        """What another has heard of the same capture does not come again."""
        self._finder, self._scan, self._has_keys = former._finder, former._scan, former._has_keys
        self._decoder.know_what(former._decoder)

    def hear(self, data: bytes) -> None:
        """The next bytes of the capture."""
        self._has_keys = self._has_keys or holds_tls_keys(data)
        for found, openings in self._finder.feed(data):
            self._decoder.hear(found)
            for opening in openings:
                self._learn(opening)
        for opening in self._scan.feed(data) if self._scan else ():
            self._learn(opening)

    def _learn(self, opening: Opening) -> None:
        if opening.port in self.decided:
            return
        before = self._decoder.decoding
        is_news = self._decoder.learn(opening)
        if self._decoder.decoding != before:
            self._packets.decode_anew()
        if is_news and opening.is_answer and not self._has_keys and (note := unreadable(self._decoder.decoding)):
            self._on_notice(note)
