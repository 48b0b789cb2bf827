"""The app's own theme, and the colours of tones in all other themes.

A tone is the theme variable `tone-…`. If a theme does not define it, it is derived from the theme's general colours, so
that all of Textual's themes work.
"""

from __future__ import annotations

from typing import Final

from textual.color import Color
from textual.theme import Theme

OWN_THEME: Final = Theme(
    name="inspector",
    primary="#7aa2f7",
    secondary="#bb9af7",
    accent="#ff9e64",
    warning="#e0af68",
    error="#f7768e",
    success="#9ece6a",
    foreground="#c8d0f0",
    background="#16161e",
    surface="#1a1b26",
    panel="#1f2335",
    dark=True,
    variables={
        "tone-client": "#ff9e64",
        "tone-server": "#7dcfff",
        "tone-dim": "#7f86a8",
        "tone-number": "#ffc777",
        "row-selected": "#2d3656",
        "row-selected-blurred": "#20253a",
        "rule": "#3b4261",
        "underline": "#292e42",
        "border": "#7aa2f7",
        "border-blurred": "#3b4261",
        "input-selection-background": "#33467c",
        "tone-shortcut": "#ff9e64",
        "scrollbar": "#3b4261",
        "scrollbar-hover": "#565f89",
        "scrollbar-active": "#7aa2f7",
        "scrollbar-background": "#16161e",
        "scrollbar-background-hover": "#16161e",
        "scrollbar-background-active": "#16161e",
        "scrollbar-corner-color": "#16161e",
    },
)


_ANSI: Final = {
    "tone-client": "ansi_yellow",
    "tone-server": "ansi_cyan",
    "tone-dim": "ansi_bright_black",
    "tone-number": "ansi_magenta",
    "tone-shortcut": "ansi_yellow",
    "row-selected": "ansi_blue",
    "row-selected-blurred": "ansi_bright_black",
    "rule": "ansi_bright_black",
    "underline": "ansi_bright_black",
}
"""For themes that use the terminal's own colours, which cannot be blended."""


def default_variables(colours: dict[str, str], *, dark: bool) -> dict[str, str]:
    """Return the app's variables, derived from a theme's general colours (`primary`, `foreground`, …)."""
    if any(colours[name].startswith("ansi") for name in ("foreground", "background")):
        return {**_ANSI, "tone-ok": colours["success"], "tone-warn": colours["warning"]}
    background, text = Color.parse(colours["background"]), Color.parse(colours["foreground"])
    names = ("primary", "warning", "success", "accent")
    primary, warning, success, accent = (Color.parse(colours[name]) for name in names)
    darkening = 0.0 if dark else 0.4  # on a light background, the bright colours are too pale for text
    return {
        "tone-client": warning.blend(text, darkening).hex,
        "tone-server": primary.hex,
        "tone-ok": success.blend(text, darkening).hex,
        "tone-warn": warning.blend(text, darkening).hex,
        "tone-dim": background.blend(text, 0.55 if dark else 0.65).hex,
        "tone-number": accent.blend(text, darkening).hex,
        "tone-shortcut": primary.hex,
        "row-selected": background.blend(primary, 0.35 if dark else 0.2).hex,
        "row-selected-blurred": background.blend(primary, 0.15 if dark else 0.08).hex,
        "rule": background.blend(text, 0.25).hex,
        "underline": background.blend(text, 0.15).hex,
    }
