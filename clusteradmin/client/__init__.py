"""The workstation's core: a cluster that is connected, kept up to date and asked."""
