"""The window: what shows the cluster and asks its administrator."""
