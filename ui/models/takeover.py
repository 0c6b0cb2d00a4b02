"""How soon the groups of a dead node are taken over, or why they are not: the sentence at the end of the strip."""

from functools import partial

from PySide6.QtCore import QCoreApplication

from clusteradmin.wizards.profiles import times_of
from nodeagent.api.commonproperties import CLUSTER
from nodeagent.api.properties import effective
from nodeagent.api.rules.quorum import takeover_problem
from ui.models.picture import Picture
from ui.words import day_and_time

_tr = partial(QCoreApplication.translate, "takeover")


def takeover_sentence(picture: Picture) -> str:
    """Say it for the whole cluster; nothing where there is no other node."""
    cluster, nodes = picture.snapshot.cluster, picture.snapshot.nodes
    if cluster.brake:
        return _tr("{0} of {1} nodes fell silent at once: takeover is held").format(len(cluster.brake), len(nodes))
    if cluster.maintenance is not None:
        return _tr("In maintenance until {0}").format(day_and_time(cluster.maintenance.until, picture.now))
    if len(nodes) > 1 and (bad := takeover_problem(picture.snapshot)):
        if bad.code == "failover_no_witness":
            return _tr("No takeover by itself: two nodes, no third voter")
        return _tr("No takeover: the cluster database has no quorum")
    times = times_of(str(effective(CLUSTER, cluster.properties, "Profile")), len(nodes))
    return _tr("Takeover after {0} s").format(f"{times.takeover:.3g}") if times and len(nodes) > 1 else ""
