"""What goes wrong with a demo, said in one sentence."""


class DemoError(Exception):
    """The demo cannot do what is asked; ``str()`` is a sentence for whoever asked."""


class NoDemoError(DemoError):
    """No demo runs there."""


class StillRunningError(DemoError):
    """A process of the demo could not be ended."""
