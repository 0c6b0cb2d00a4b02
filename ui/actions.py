"""The actions of menus, tool bar and shortcuts: the verbs, on or off as the rules say, and the window's own."""

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence

from nodeagent.api.requests import Verb
from ui.skins import wear_verb
from ui.theme import Appearance
from ui.verbs import Offer
from ui.words import verb_drawing, verb_title

SHORTCUTS: Mapping[Verb, str] = {
    Verb.BRING_ONLINE: "Ctrl+B",
    Verb.TAKE_OFFLINE: "Ctrl+T",
    Verb.MOVE_GROUP: "Ctrl+M",
    Verb.CHANGE_GROUP: "Ctrl+G",
    Verb.NEW_GROUP: "Ctrl+Shift+N",
    Verb.NEW_RESOURCE: "Ctrl+N",
    Verb.DELETE: "Del",
    Verb.RENAME: "F2",
    Verb.PROPERTIES: "Alt+Return",
}
# Verbs whose menu item ends in an ellipsis: more input follows.
ASKS = frozenset(
    {
        Verb.MOVE_GROUP,
        Verb.CHANGE_GROUP,
        Verb.DRAIN,
        Verb.STOP,
        Verb.EVICT,
        Verb.DECLARE_OFF,
        Verb.TAKE_OVER_NOW,
        Verb.BEGIN_MAINTENANCE,
        Verb.NEW_GROUP,
        Verb.NEW_RESOURCE,
        Verb.DELETE,
    }
)
MENU_ORDER: tuple[tuple[Verb, ...], ...] = (
    (Verb.BRING_ONLINE, Verb.TAKE_OFFLINE, Verb.INITIATE_FAILURE),
    (Verb.MOVE_GROUP, Verb.CHANGE_GROUP),
    (Verb.PAUSE, Verb.RESUME, Verb.DRAIN, Verb.CANCEL_DRAIN, Verb.RESUME_FAILBACK),
    (Verb.STOP, Verb.START, Verb.RESTART, Verb.EVICT),
    (Verb.DECLARE_OFF, Verb.TAKE_OVER_NOW),
    (Verb.BEGIN_MAINTENANCE, Verb.END_MAINTENANCE),
    (Verb.NEW_GROUP, Verb.NEW_RESOURCE),
    (Verb.DELETE, Verb.RENAME),
    (Verb.PROPERTIES,),
)


@dataclass(frozen=True, slots=True)
class Command:
    """An action of the window itself: how it is called, its icon, its shortcut and a line of help."""

    key: str
    text: str
    drawing: str = ""
    shortcut: str = ""
    tip: str = ""
    checkable: bool = False


class WindowActions(QObject):
    """Makes the actions once; `show_offers` switches the verbs with their reasons."""

    verb_wanted = Signal(object)  # Verb
    appearance_wanted = Signal(object)  # Appearance

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.verbs: dict[Verb, QAction] = {}
        self.commands: dict[str, QAction] = {}
        for verb in Verb:
            self._add_verb(verb)
        for command in self._window_commands():
            self._add_command(command)
        self.appearances = QActionGroup(self)
        for appearance, text in (
            (Appearance.SYSTEM, self.tr("System")),
            (Appearance.LIGHT, self.tr("Light")),
            (Appearance.DARK, self.tr("Dark")),
        ):
            action = self.appearances.addAction(text)
            action.setCheckable(True)
            action.setData(appearance)
            action.triggered.connect(lambda _on=False, chosen=appearance: self.appearance_wanted.emit(chosen))

    def __getitem__(self, key: str) -> QAction:
        return self.commands[key]

    def show_offers(self, found: Mapping[Verb, Offer]) -> None:
        """Switch each verb on or off; its tooltip and line of help say what it would do, or why it is off."""
        for verb, action in self.verbs.items():
            offer = found.get(verb)
            possible = offer is not None and offer.possible
            action.setEnabled(possible)
            title = verb_title(verb)
            said = "" if offer is None else offer.consequence if possible else self._not_now(offer)
            shortcut = SHORTCUTS.get(verb)
            named = f"{title} ({shortcut})" if shortcut else title
            action.setToolTip(f"{named}\n{said}" if said else named)
            action.setStatusTip(said or title)

    def show_appearance(self, chosen: Appearance) -> None:
        """Mark the appearance in force."""
        for action in self.appearances.actions():
            action.setChecked(action.data() == chosen)

    def _not_now(self, offer: Offer) -> str:
        return self.tr("Not now: {0}").format(offer.reason) if offer.reason else ""

    def _add_verb(self, verb: Verb) -> None:
        title = verb_title(verb)
        action = QAction(f"{title}…" if verb in ASKS else title, self)
        wear_verb(action, verb_drawing(verb))
        if verb in SHORTCUTS:
            action.setShortcut(QKeySequence(SHORTCUTS[verb]))
        action.setEnabled(False)
        action.triggered.connect(lambda _on=False: self.verb_wanted.emit(verb))
        self.verbs[verb] = action

    def _add_command(self, command: Command) -> None:
        action = QAction(command.text, self)
        if command.drawing:
            wear_verb(action, command.drawing)
        if command.shortcut:
            action.setShortcuts([QKeySequence(keys) for keys in command.shortcut.split(" | ")])
        action.setIconText(command.text)  # with its ellipsis, which Qt would drop in the tool bar
        action.setCheckable(command.checkable)
        action.setStatusTip(command.tip)
        action.setToolTip(command.tip or command.text.replace("…", ""))
        self.commands[command.key] = action

    def _window_commands(self) -> list[Command]:
        tr = self.tr
        return [
            Command("open", tr("Open…"), "open", "Ctrl+O", tr("Open a connection to a cluster")),
            Command("close", tr("Close"), "disconnect", "Ctrl+W", tr("Close the current cluster")),
            Command("quit", tr("Quit"), "", "Ctrl+Q", tr("Leave; what is open is opened again next time")),
            Command("copy_names", tr("Copy Names"), "copy", "Ctrl+Shift+C", tr("Copy the names of what is selected")),
            Command("select_all", tr("Select All"), "", "", tr("Select all rows of the list")),
            Command("filter", tr("Filter List"), "filter", "Ctrl+F", tr("Type words, or state:failed owner:atlas")),
            Command("find", tr("Find Object or Command…"), "search", "Ctrl+K", tr("Find any object or command")),
            Command("refresh", tr("Refresh"), "refresh", "F5", tr("Look at everything again")),
            Command("details", tr("Details"), "details", "F4", tr("Why it is here, and what can be done"), True),
            Command("events", tr("Events"), "", "", tr("Show the event pane"), True),
            Command("toolbar", tr("Toolbar"), "", "", tr("Show the tool bar"), True),
            Command("status_bar", tr("Status Bar"), "", "", tr("Show the status bar"), True),
            Command("next_pane", tr("Next Pane"), "", "F6", tr("Go to the next pane")),
            Command("previous_pane", tr("Previous Pane"), "", "Shift+F6", tr("Go to the pane before")),
            Command("up", tr("Up One Level"), "move-up", "Backspace", tr("Go to what holds this")),
            Command("output", tr("Show Output"), "follow", "Ctrl+L", tr("Follow what the resource writes")),
            Command("why", tr("Why Here?"), "why", "Ctrl+Y", tr("Say why it is where it is")),
            Command("power_off", tr("Power Off"), "power-off", "", tr("Cut the power of this node of the demo")),
            Command("power_on", tr("Power On"), "power-on", "", tr("Start this node of the demo again")),
            Command("next_tab", tr("Next Cluster"), "", "Ctrl+Tab", tr("Go to the next open cluster")),
            Command("tile_side", tr("Tile Side by Side"), "", "", tr("Show all open clusters beside each other"), True),
            Command("tile_above", tr("Tile Above and Below"), "", "", tr("Show them above each other"), True),
            Command("keyboard", tr("Keyboard"), "help", "F1", tr("What the keys do")),
            Command("about", tr("About Cluster Administrator"), "", "", tr("Version and licence")),
        ]
