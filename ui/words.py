"""Words of the window: states, kinds, verbs, ages and times, in the user's language."""

import datetime
from functools import partial

from PySide6.QtCore import QCoreApplication, QLocale

from nodeagent.api.objects import (
    ClusterObject,
    Group,
    Interface,
    Network,
    Node,
    ObjectKind,
    Resource,
)
from nodeagent.api.problems import Problem
from nodeagent.api.requests import Right, Verb
from nodeagent.api.states import State, state_words

_translated = partial(QCoreApplication.translate, "words")


def QT_TRANSLATE_NOOP(context: str, text: str) -> str:
    """Mark *text* for the translators; Qt's own function of that name, which lupdate looks for, is typed object."""
    del context
    return text


# Listed for the translators; the words are those of the enumerations, but for the one that the original wrote so.
_STATE_WORDS = (
    QT_TRANSLATE_NOOP("words", "Unknown"),
    QT_TRANSLATE_NOOP("words", "Up"),
    QT_TRANSLATE_NOOP("words", "Down"),
    QT_TRANSLATE_NOOP("words", "Paused"),
    QT_TRANSLATE_NOOP("words", "Joining"),
    QT_TRANSLATE_NOOP("words", "Online"),
    QT_TRANSLATE_NOOP("words", "Offline"),
    QT_TRANSLATE_NOOP("words", "Failed"),
    QT_TRANSLATE_NOOP("words", "Partially Online"),
    QT_TRANSLATE_NOOP("words", "Pending"),
    QT_TRANSLATE_NOOP("words", "Initializing"),
    QT_TRANSLATE_NOOP("words", "Online Pending"),
    QT_TRANSLATE_NOOP("words", "Offline Pending"),
    QT_TRANSLATE_NOOP("words", "Unavailable"),
    QT_TRANSLATE_NOOP("words", "Partitioned"),
    QT_TRANSLATE_NOOP("words", "Unreachable"),
)
_KINDS = {
    ObjectKind.CLUSTER: QT_TRANSLATE_NOOP("words", "cluster"),
    ObjectKind.NODE: QT_TRANSLATE_NOOP("words", "node"),
    ObjectKind.GROUP: QT_TRANSLATE_NOOP("words", "group"),
    ObjectKind.RESOURCE: QT_TRANSLATE_NOOP("words", "resource"),
    ObjectKind.RESOURCE_TYPE: QT_TRANSLATE_NOOP("words", "resource type"),
    ObjectKind.NETWORK: QT_TRANSLATE_NOOP("words", "network"),
    ObjectKind.INTERFACE: QT_TRANSLATE_NOOP("words", "network interface"),
}
VERB_TITLES = {
    Verb.BRING_ONLINE: QT_TRANSLATE_NOOP("words", "Bring Online"),
    Verb.TAKE_OFFLINE: QT_TRANSLATE_NOOP("words", "Take Offline"),
    Verb.INITIATE_FAILURE: QT_TRANSLATE_NOOP("words", "Initiate Failure"),
    Verb.MOVE_GROUP: QT_TRANSLATE_NOOP("words", "Move Group"),
    Verb.CHANGE_GROUP: QT_TRANSLATE_NOOP("words", "Change Group"),
    Verb.PAUSE: QT_TRANSLATE_NOOP("words", "Pause Node"),
    Verb.RESUME: QT_TRANSLATE_NOOP("words", "Resume Node"),
    Verb.DRAIN: QT_TRANSLATE_NOOP("words", "Drain Node"),
    Verb.CANCEL_DRAIN: QT_TRANSLATE_NOOP("words", "Cancel Drain"),
    Verb.RESUME_FAILBACK: QT_TRANSLATE_NOOP("words", "Resume with Failback"),
    Verb.STOP: QT_TRANSLATE_NOOP("words", "Stop Cluster Service"),
    Verb.START: QT_TRANSLATE_NOOP("words", "Start Cluster Service"),
    Verb.RESTART: QT_TRANSLATE_NOOP("words", "Restart Cluster Service"),
    Verb.EVICT: QT_TRANSLATE_NOOP("words", "Evict Node"),
    Verb.DECLARE_OFF: QT_TRANSLATE_NOOP("words", "Declare Node Off"),
    Verb.TAKE_OVER_NOW: QT_TRANSLATE_NOOP("words", "Take Over Now"),
    Verb.BEGIN_MAINTENANCE: QT_TRANSLATE_NOOP("words", "Begin Maintenance"),
    Verb.END_MAINTENANCE: QT_TRANSLATE_NOOP("words", "End Maintenance"),
    Verb.NEW_GROUP: QT_TRANSLATE_NOOP("words", "New Group"),
    Verb.NEW_RESOURCE: QT_TRANSLATE_NOOP("words", "New Resource"),
    Verb.DELETE: QT_TRANSLATE_NOOP("words", "Delete"),
    Verb.RENAME: QT_TRANSLATE_NOOP("words", "Rename"),
    Verb.PROPERTIES: QT_TRANSLATE_NOOP("words", "Properties"),
}
_RIGHTS = {
    Right.NONE: QT_TRANSLATE_NOOP("words", "no rights"),
    Right.READ: QT_TRANSLATE_NOOP("words", "reader"),
    Right.OPERATE: QT_TRANSLATE_NOOP("words", "operator"),
    Right.ADMINISTER: QT_TRANSLATE_NOOP("words", "administrator"),
}
_ROLES = {
    0: QT_TRANSLATE_NOOP("words", "None"),
    1: QT_TRANSLATE_NOOP("words", "Internal"),
    2: QT_TRANSLATE_NOOP("words", "Client"),
    3: QT_TRANSLATE_NOOP("words", "All"),
}


def english_state(state: State) -> str:
    """Return the state's word in English, which also names its glyph."""
    return state_words(state)


def state_word(state: State) -> str:
    return _translated(english_state(state))


def state_of(item: ClusterObject) -> State | None:
    """Return the state of *item*; a cluster and a resource type have none of their own."""
    return item.state if isinstance(item, Node | Group | Resource | Network | Interface) else None


def kind_word(kind: ObjectKind) -> str:
    return _translated(_KINDS[kind])


def verb_title(verb: Verb) -> str:
    """Return the verb as menus write it, in title case."""
    return _translated(VERB_TITLES[verb])


def verb_drawing(verb: Verb) -> str:
    """Return the name of the verb's icon."""
    return verb.value.replace("_", "-")


def right_word(right: Right) -> str:
    return _translated(_RIGHTS[right])


def role_word(role: int) -> str:
    """Return in a word what a network carries."""
    return _translated(_ROLES[role]) if role in _ROLES else str(role)


def error_id(problem: Problem) -> str:
    """Return the original's number as it writes it, Error ID: 5023 (0000139f); nothing where it has none."""
    return _translated("Error ID: {0} ({0:08x})").format(problem.number) if problem.number else ""


def duration(seconds: float) -> str:
    """Return a length of time in words: 38 s, 3 min, 1 h 5 min, 2 d 4 h."""
    whole = max(0, int(seconds))
    if whole < 120:
        return _translated("{0} s").format(whole)
    minutes = whole // 60
    if minutes < 60:
        return _translated("{0} min").format(minutes)
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        hour_text = _translated("{0} h").format(hours)
        return f"{hour_text} {_translated('{0} min').format(minutes)}" if minutes else hour_text
    days, hours = divmod(hours, 24)
    day_text = _translated("{0} d").format(days)
    return f"{day_text} {_translated('{0} h').format(hours)}" if hours else day_text


def local_time(wall: float) -> datetime.datetime:
    """Return wall-clock seconds as local time."""
    return datetime.datetime.fromtimestamp(wall, tz=datetime.UTC).astimezone()


def clock(wall: float) -> str:
    """Return the local time of day, 14:31:07."""
    return local_time(wall).strftime("%H:%M:%S")


def clock_with_milliseconds(wall: float) -> str:
    """Return the local time of day as events show it, 14:31:07.482."""
    return local_time(wall).strftime("%H:%M:%S.%f")[:-3]


def day_and_time(wall: float, now: float) -> str:
    """Return the time as short as it is clear: 14:31:07 today, else 12 Nov 09:14."""
    then = local_time(wall)
    return then.strftime("%H:%M:%S") if then.date() == local_time(now).date() else then.strftime("%d %b %H:%M")


def fact_text(name: str, value: str) -> str:
    """Return what a node says of itself; its memory, in bytes, in larger units."""
    return QLocale().formattedDataSize(int(value), 1) if name == "memory" and value.isdigit() else value


def listed(names: list[str], most: int = 4) -> str:
    """Return names as a sentence lists them; beyond *most* their number."""
    if len(names) > most:
        shown = ", ".join(names[: most - 1])
        return _translated("{0} and {1} more").format(shown, len(names) - most + 1)
    if len(names) < 2:
        return "".join(names)
    return _translated("{0} and {1}").format(", ".join(names[:-1]), names[-1])
