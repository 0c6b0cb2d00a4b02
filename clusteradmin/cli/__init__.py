"""The command line, with the grammar of cluster.exe."""
