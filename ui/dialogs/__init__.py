"""Dialogs: connecting, questions of a connection, moving a group, finding things."""
