"""Dialogs and screens that lie over the inspection."""
