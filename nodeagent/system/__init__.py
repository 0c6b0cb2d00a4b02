"""Touches processes, devices, addresses, mounts and cgroups of the node; nothing else in the agent does."""
