"""One cluster's area: strip, tree, list, details, events and output, kept in line with the cluster."""

import time
from typing import Final

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from clusteradmin.client.cluster import Cluster, ConnectionState, Update
from nodeagent.api.objects import ClusterObject, ObjectRef, Resource, Snapshot, ref
from nodeagent.api.problems import Problem
from nodeagent.api.requests import Right, Verb
from nodeagent.api.texts import sentence
from ui.models.columns import Row
from ui.models.picture import Picture
from ui.models.places import GROUPS, RESOURCES, Place, parse_place, place_holding, place_of
from ui.models.tree import worst_glyph
from ui.panes.connecting import ConnectingPage
from ui.panes.details import DetailsPane
from ui.panes.listpane import ListPane
from ui.panes.logpane import EventPane
from ui.panes.outputpane import OutputPane
from ui.panes.splitter import Splitter
from ui.panes.strip import Strip
from ui.panes.treepane import TreePane
from ui.settings import ClusterLayout
from ui.verbs import Offer, offers
from ui.widgets.band import Band, BandKind
from ui.words import clock, duration

TICK: Final = 50  # ms: changes are shown together, at most this often
AGE_TICK: Final = 1000  # ms: ages are in whole seconds
DETAILS_FROM: Final = 1500  # width of the area from which on Details are open, unless the person chose
DETAILS_LEAST: Final = 720  # and to which they stay open at all: below, they would lie over the list
TREE_WIDTH: Final = 236
DETAILS_WIDTH: Final = 320


class ClusterArea(QWidget):
    """All that is shown of one cluster. It changes nothing itself: what the person wants, it tells."""

    changed = Signal()  # name, state or connection: what tab and status bar show
    selection_changed = Signal()
    verb_wanted = Signal(object)  # Verb, for the selection
    menu_wanted = Signal(QPoint)  # global position
    renamed = Signal(ObjectRef, str)
    dropped = Signal(object)  # models.dragging.Drop
    problem_shown = Signal(str)
    picture_shown = Signal(object)  # Picture, for dialogs that follow the live state
    close_wanted = Signal()
    attempts_wanted = Signal()

    def __init__(self, cluster: Cluster, layout: ClusterLayout, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cluster = cluster
        self.picture: Picture | None = None
        self._layout = layout
        self._in_tree = False
        self._offered: tuple[list[ClusterObject], Snapshot, bool, Right] | None = None  # what `_offers` are of
        self._offers: dict[Verb, Offer] = {}
        self._new_log = list(cluster.log)
        self.strip = Strip(self)
        self.band = Band(BandKind.WARN, self)
        self.tree = TreePane(self)
        self.list = ListPane(layout, self)
        self.details = DetailsPane(self)
        self.events = EventPane(self)
        self.output = OutputPane(cluster, self)
        self.connecting = ConnectingPage(cluster.name, self)
        self.setAccessibleName(cluster.name)
        self._add_band_buttons()
        self._lay_out()
        self._restore()
        self._connect()
        self._tick = QTimer(self, singleShot=True, interval=TICK)
        self._tick.timeout.connect(self.refresh)
        self._age_tick = QTimer(self, interval=AGE_TICK)
        self._age_tick.timeout.connect(self._grow_older)
        self._age_tick.start()
        self._stop_listening = cluster.listen(self._heard)
        self.refresh()

    # What is shown

    @property
    def glyph(self) -> str:
        """The glyph of the tab: the worst that the cluster has."""
        if self.picture is None:
            return "progress" if self.cluster.status.state is ConnectionState.CONNECTING else "unknown"
        return "unknown" if not self.picture.live else worst_glyph(self.picture) or "online"

    @property
    def connected_by(self) -> str:
        """What the tab says after the name."""
        if self.cluster.status.state is ConnectionState.LIVE:
            return self.tr("via {0}").format(self.cluster.status.node) if self.cluster.status.node else ""
        connecting = self.cluster.status.state is ConnectionState.CONNECTING
        return self.tr("connecting") if connecting else self.tr("not connected")

    def selection(self) -> list[ClusterObject]:
        """Return what verbs are meant for: rows of the list, or the tree's item when that has the focus."""
        item = self.tree.selected_object()
        if self._in_tree:
            return [item] if item is not None else []
        return self.list.selection() or ([item] if item is not None else [])

    def offers(self, selection: list[ClusterObject]) -> dict[Verb, Offer]:
        """Return what can be done with *selection*, worked out anew only when it or the cluster is another."""
        if self.picture is None:
            return {}
        asked = (selection, self.picture.snapshot, self.picture.live, self.cluster.right)
        known = self._offered
        # The same snapshot has the same objects: they are not looked into.
        if known is None or known[1] is not asked[1] or known != asked:
            self._offered, self._offers = asked, offers(selection, self.picture, self.cluster.right)
        return self._offers

    def go_to(self, place: Place, filter_text: str | None = None) -> None:
        """Show the list of *place*, with that filter if one is given."""
        self.tree.go_to(place)
        if filter_text is not None and self.list.place == place:
            self.list.set_filter(filter_text)
            self.strip.show_filter(place, filter_text)

    def go_to_object(self, reference: ObjectRef) -> None:
        """Show an object: its own place, or its row in the list that has it."""
        if self.picture is None:
            return
        place = place_of(reference)
        if place is not None:
            self.tree.go_to(place)
            return
        item = self.picture.object(reference)
        parent = place_holding(item) if item is not None else None
        if parent is not None:
            self.go_to(parent, "")
            self.list.select([reference])
            self.list.view.setFocus()

    def show_output(self, resource: Resource) -> None:
        """Follow what *resource* writes, beside the events."""
        self.output.show()
        self.output.show_resource(resource)

    def set_details_shown(self, shown: bool) -> None:
        """Open or close the Details pane, from now on whatever the width, as long as it has room at all."""
        self._layout.details = shown
        self._place_details()
        if shown and not self.details_shown():
            self.problem_shown.emit(self.tr("There is no room for the details here; make the window wider."))

    def details_shown(self) -> bool:
        return not self.details.isHidden()

    def show_problem(self, problem: Problem) -> None:
        """Show a refused command as a line; the window's status bar has the place for it."""
        self.problem_shown.emit(sentence(problem))

    def refresh(self) -> None:
        """Show the cluster as it is now."""
        now = time.time()
        status = self.cluster.status
        live = status.state is ConnectionState.LIVE
        snapshot = self.cluster.snapshot
        self._pages.setCurrentIndex(0 if snapshot is None else 1)
        if snapshot is None:
            self.connecting.show_status(status, now)
            self.changed.emit()
            return
        first = self.picture is None
        self.picture = Picture(snapshot, now, live, self._heard_at(now))
        self._show_band()
        self.tree.show_picture(self.picture)
        if first:
            self._show_first()
        else:
            self.list.show_picture(self.picture)
        self.strip.show_picture(self.picture)
        self.events.show_picture(self.picture)
        entries, self._new_log = self._new_log, []
        if entries:
            self.events.add(entries)
        self._show_details()
        self.picture_shown.emit(self.picture)
        self.changed.emit()

    def edit_name(self) -> None:
        """Begin to rename, in place, what is selected."""
        if self._in_tree:
            self.tree.edit_name()
        else:
            self.list.edit_name()

    def age(self) -> str:
        """Say how old the data is, as the status bar does."""
        status = self.cluster.status
        if status.state is ConnectionState.LIVE:
            seconds = max(0.0, time.monotonic() - self.cluster.last_heard)
            return self.tr("Live, {0:.1f} s").format(seconds)
        if self.picture is None:
            return self.connected_by
        return self.tr("as of {0}").format(clock(self.picture.heard_at))

    def keep(self) -> None:
        """Put what is to be remembered into the layout."""
        self.list.keep()
        self._layout.place = self.tree.place.text()
        self._layout.unfolded = self.tree.unfolded()
        self._layout.columns_split = self._columns.sizes()
        self._layout.rows_split = self._rows.sizes()
        self._layout.event_filter = self.events.filter.text()
        self._layout.event_widths = self.events.widths()

    def stop(self) -> None:
        """Listen no more; the cluster itself is closed by who opened it."""
        self._stop_listening()
        self._tick.stop()
        self._age_tick.stop()
        self.output.stop()

    # Events

    def _heard(self, update: Update) -> None:
        self._new_log += update.logged
        if not self._tick.isActive():
            self._tick.start()

    def _heard_at(self, now: float) -> float:
        heard = self.cluster.last_heard
        return now - (time.monotonic() - heard) if heard else 0.0

    def _grow_older(self) -> None:
        if self.picture is None or self.isHidden():
            self.connecting.show_status(self.cluster.status, time.time())
            self.changed.emit()
            return
        now = time.time()
        self.picture = self.picture.later(now)
        self.list.model.grow_older(self.picture)
        self._show_band()
        self._show_details()
        self.changed.emit()

    def _show_first(self) -> None:
        assert self.picture is not None
        place = parse_place(self._layout.place) if self._layout.place else None
        self.tree.go_to(place if place is not None else RESOURCES)
        if self.list.model.picture is None:
            self.list.show_place(self.tree.place, self.picture)
        self.list.view.setFocus()

    def _show_band(self) -> None:
        assert self.picture is not None
        status = self.cluster.status
        if self.picture.live:
            self.band.hide()
            return
        lost = self.tr("Connection to {0} lost {1} ago.")
        shown = self.tr("Showing {0}.").format(clock(self.picture.heard_at))
        parts = [shown, status.detail]
        if status.next_try is not None:
            parts.append(self.tr("Next try in {0}.").format(duration(status.next_try - self.picture.now)))
        since = duration(self.picture.now - (status.since or self.picture.heard_at))
        self.band.say(lost.format(self.cluster.name, since), " ".join(p for p in parts if p), glyph="unknown")

    def _show_details(self) -> None:
        if self.picture is not None and self.details_shown():
            selection = self.selection() or [self.picture.snapshot.cluster]
            self.details.show_selection(selection, self.picture, self.offers(selection))

    def _place_changed(self, place: Place) -> None:
        if self.picture is not None:
            self.list.show_place(place, self.picture)
            self.strip.show_filter(place, self.list.filter.text())
            self._selection_changed()

    def _selection_changed(self) -> None:
        self._show_details()
        self.selection_changed.emit()

    def _opened(self, row: Row) -> None:
        if isinstance(row, Place):
            self.tree.go_to(row)
            return
        place = place_of(ref(row))
        if place is not None and place != self.tree.place:
            self.tree.go_to(place)
        else:
            self.verb_wanted.emit(Verb.PROPERTIES)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusIn and watched in (self.tree.view, self.list.view):
            in_tree = watched is self.tree.view
            if in_tree != self._in_tree:
                self._in_tree = in_tree
                self._selection_changed()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.list.set_room(self.width())
        self._place_details()
        if not self._layout.rows_split and event.size().height() != event.oldSize().height():
            bottom = _event_height(self.height())
            self._rows.setSizes([max(1, self.height() - bottom), bottom])

    def _place_details(self) -> None:
        wanted = self._layout.details
        shown = self.width() >= (DETAILS_FROM if wanted is None else DETAILS_LEAST) and wanted is not False
        if shown != self.details_shown():
            self.details.setVisible(shown)
            self._show_details()

    # Parts

    def _restore(self) -> None:
        self.tree.unfold(self._layout.unfolded)
        self.events.filter.setText(self._layout.event_filter)
        if self._layout.event_widths:
            self.events.set_widths(self._layout.event_widths)
        self._columns.setSizes(self._layout.columns_split or [TREE_WIDTH, 10_000, DETAILS_WIDTH])
        if self._layout.rows_split:
            self._rows.setSizes(self._layout.rows_split)

    def _connect(self) -> None:
        self.tree.place_changed.connect(self._place_changed)
        self.list.selection_changed.connect(self._selection_changed)
        self.list.opened.connect(self._opened)
        self.list.new_wanted.connect(self._new_wanted)
        self.strip.wanted.connect(self.go_to)
        self.details.verb_wanted.connect(self.verb_wanted)
        self.events.object_wanted.connect(self.go_to_object)
        self.output.closed.connect(self.output.hide)
        self.connecting.try_now.connect(self.cluster.try_now)
        self.connecting.cancelled.connect(self.close_wanted)
        self.list.filter.textChanged.connect(lambda text: self.strip.show_filter(self.list.place, text))
        for pane in (self.tree, self.list):
            pane.menu_wanted.connect(self.menu_wanted)
            pane.model.renamed.connect(self.renamed)
            pane.model.dropped.connect(self.dropped)
            pane.view.installEventFilter(self)

    def _new_wanted(self) -> None:
        groups = self.list.place == GROUPS
        self.verb_wanted.emit(Verb.NEW_GROUP if groups else Verb.NEW_RESOURCE)

    def _add_band_buttons(self) -> None:
        self.band.add_button(self.tr("Try Now")).clicked.connect(self.cluster.try_now)
        self.band.add_button(self.tr("What Was Tried…")).clicked.connect(self.attempts_wanted)

    def _lay_out(self) -> None:
        self._columns = Splitter(Qt.Orientation.Horizontal)
        for pane in (self.tree, self.list, self.details):
            self._columns.addWidget(pane)
        self._columns.setStretchFactor(1, 1)
        self._bottom = Splitter(Qt.Orientation.Horizontal)
        self._bottom.addWidget(self.events)
        self._bottom.addWidget(self.output)
        self.output.hide()
        self._rows = Splitter(Qt.Orientation.Vertical)
        self._rows.addWidget(self._columns)
        self._rows.addWidget(self._bottom)
        self._rows.setStretchFactor(0, 1)
        self.list.setMinimumWidth(240)
        self.details.hide()
        self._bottom.setMinimumHeight(110)
        self._columns.setMinimumHeight(110)
        live = QWidget()
        column = QVBoxLayout(live)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.band)
        column.addWidget(self.strip)
        column.addWidget(self._rows, 1)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self.connecting)
        self._pages.addWidget(live)

    @property
    def panes(self) -> list[QWidget]:
        """The panes that F6 walks through, in order; hidden ones are left out."""
        found: list[QWidget] = [self.tree.view, self.list.view, self.details, self.events.view]
        return [pane for pane in found if pane.isVisible()]

    def set_events_shown(self, shown: bool) -> None:
        self._bottom.setVisible(shown)


def _event_height(height: int) -> int:
    """Return how high the event pane is in an area of that height."""
    if height >= 890:  # a window of 1000
        return 302
    return 246 if height >= 590 else 150
