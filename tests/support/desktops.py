"""The screen of the machine that the tests run on."""

from nodeagent.system.desktop import NoDesktopError, find_desktop


def somebody_is_logged_in() -> bool:
    """Whether this machine has a graphical session: the program would show itself there."""
    try:
        find_desktop(own={})
    except NoDesktopError:
        return False
    return True
