"""SSH from the workstation: who is at the other end, how to log in, and lines to and from a command there."""
