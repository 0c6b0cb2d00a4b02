"""The panes of one cluster's area."""
