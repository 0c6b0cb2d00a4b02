"""Dialogs of the main window; each is shown without blocking anything."""
