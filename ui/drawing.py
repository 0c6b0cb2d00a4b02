"""From SVG text to pixmaps: a drawing in its colours, wide enough for a tool bar, or with a badge."""

from functools import cache

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap, QPolygonF
from PySide6.QtSvg import QSvgRenderer

import icons

TOOL_ICON = QSize(20, 16)  # the icon size of tool bars: the free 4 px are the text's distance


@cache
def _renderer(name: str, ink: str, knockout: str) -> QSvgRenderer:
    source = icons.source(name)
    if name != "app":
        # QtSvg takes currentColor from the root element's colour; without it, it is black.
        source = source.replace("<svg ", f'<svg color="{ink}" ', 1).replace("#ffffff", knockout)
    return QSvgRenderer(source.encode())


def drawn(name: str, size: int, colour: QColor, knockout: QColor, ratio: float) -> QPixmap:
    renderer = _renderer(name, colour.name(), knockout.name())
    side = round(size * ratio)
    pixmap = QPixmap(QSize(side, side))
    pixmap.fill(Qt.GlobalColor.transparent)
    with QPainter(pixmap) as painter:  # a painter that outlives its pixmap, as in a traceback, crashes the program
        renderer.render(painter, QRectF(0, 0, side, side))
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def widened(narrow: QPixmap) -> QPixmap:
    """Return *narrow*, a verb at 16 px, at the left of TOOL_ICON."""
    ratio = narrow.devicePixelRatio()
    pixmap = QPixmap(round(TOOL_ICON.width() * ratio), narrow.height())
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    with QPainter(pixmap) as painter:
        painter.drawPixmap(0, 0, narrow)
    return pixmap


def composed(plain: QPixmap, badge: QPixmap, glyph: str, place: QRectF) -> QPixmap:
    """Return *plain* with a ring of 1 px cut out around *place*, and *badge* there."""
    pixmap = QPixmap(plain)
    outline = _outline(glyph, place)
    with QPainter(pixmap) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Clear)
        painter.fillPath(outline, Qt.GlobalColor.black)
        painter.strokePath(outline, QPen(Qt.GlobalColor.black, 2))
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
        painter.drawPixmap(place.topLeft(), badge)
    return pixmap


def _outline(glyph: str, place: QRectF) -> QPainterPath:
    """Return the outer edge of *glyph* drawn at *place* (the drawings leave 1.5 of 16 units free around it)."""
    path = QPainterPath()
    margin = place.width() * 1.5 / 16
    inner = place.adjusted(margin, margin, -margin, -margin)
    match glyph:
        case "unknown":
            corners = [(place.center().x(), place.top()), (place.right(), place.center().y())]
            corners += [(place.center().x(), place.bottom()), (place.left(), place.center().y())]
            path.addPolygon(QPolygonF([QPointF(x, y) for x, y in corners]))
            path.closeSubpath()
        case "paused":
            path.addRoundedRect(inner, margin * 2, margin * 2)
        case "warning":
            path.addPolygon(
                QPolygonF([QPointF(place.center().x(), place.top()), place.bottomRight(), place.bottomLeft()])
            )
            path.closeSubpath()
        case _:
            path.addEllipse(inner)
    return path
