"""The Resource Monitor: a small process that runs plug-in code and holds the applications."""
