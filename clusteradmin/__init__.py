"""The workstation without a window: connections, commands, the command line, automation."""
