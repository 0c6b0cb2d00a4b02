"""The Cluster Service: joins it all up on one node."""
