"""The cluster database: the only channel between nodes."""
