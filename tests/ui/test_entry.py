"""The command clusteradmin: when it opens the window, and what it says when it cannot."""

from pathlib import Path

import pytest

from ui.__main__ import NO_WINDOW, WindowWanted, run, window_wanted


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], WindowWanted()),
        (["--noreconnect"], WindowWanted(reconnect=False)),
        (["/norecon"], WindowWanted(reconnect=False)),
        (["--cluster", "webfarm"], WindowWanted(("webfarm",))),
        (["--cluster=webfarm"], WindowWanted(("webfarm",))),
        (["--cluster", "demo", "--screenshot", "a.png"], WindowWanted(("demo",), screenshot=Path("a.png"))),
        (["anna@boreas:2222"], WindowWanted(("anna@boreas:2222",))),
        (["."], WindowWanted((".",))),
        (["group"], None),
        (["res"], None),
        (["demo"], None),
        (["--cluster", "webfarm", "group", "Web", "--online"], None),
        (["--help"], None),
        (["demo", "--headless"], None),
        (["--cluster"], None),
    ],
)
def test_the_window_is_opened_by_nothing_or_a_target_alone(arguments: list[str], wanted: WindowWanted | None) -> None:
    assert window_wanted(arguments) == wanted


def test_without_a_display_one_sentence_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert run([]) == NO_WINDOW
    assert capsys.readouterr().err.count("\n") == 1
