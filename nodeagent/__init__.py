"""The node's side: the Cluster Service, its Resource Monitors, and what travels to the workstation."""
