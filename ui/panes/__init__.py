"""The panes of one cluster's area: tree, list, details, events, output."""
