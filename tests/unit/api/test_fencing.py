"""Fence devices as they travel: nothing secret is shown, and what cannot be passed on is refused."""

import msgspec
import pytest

from nodeagent.api.fencing import (
    MASK,
    MOST_DEVICES,
    FenceOption,
    FenceSetting,
    devices_problem,
    is_secret,
    options_problem,
)

DEVICE = FenceSetting(program="fence_ipmilan", options={"ip": "10.0.9.2", "password": "s3cret", "port": "h2"})


@pytest.mark.parametrize(
    "name", ["password", "passwd", "snmp_priv_passwd", "api_key", "apikey", "token", "community", "client-secret"]
)
def test_what_opens_a_device_is_secret(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["ip", "username", "plug", "password_script", "identity_file", "keyboard", "ssl"])
def test_what_names_a_device_is_not(name: str) -> None:
    assert not is_secret(name)


def test_a_device_is_shown_and_printed_without_its_secrets() -> None:
    shown = DEVICE.shown()
    assert shown.options == {"ip": "10.0.9.2", "port": "h2"}
    assert shown.secrets == ("password",)
    for text in (repr(DEVICE), str(DEVICE), f"{[DEVICE]}", msgspec.json.encode(shown).decode()):
        assert "s3cret" not in text
    assert DEVICE.masked("login with s3cret failed") == f"login with {MASK} failed"


@pytest.mark.parametrize(
    ("device", "code"),
    [
        (FenceSetting(program="/usr/sbin/fence_x"), "fence_program_name"),
        (FenceSetting(program="fence_x;reboot"), "fence_program_name"),
        (FenceSetting(program="fence_x", options={"action": "on"}), "fence_option_reserved"),
        (FenceSetting(program="fence_x", options={"debug_file": "/tmp/x"}), "fence_option_reserved"),
        (FenceSetting(program="fence_x", options={"ip": "a\naction=on"}), "fence_option_malformed"),
        (FenceSetting(program="fence_x", options={"i p": "a"}), "fence_option_malformed"),
        (FenceSetting(program="fence_x", timeout=0.5), "fence_timeout_range"),
        (FenceSetting(program="fence_x", timeout=float("nan")), "fence_timeout_range"),
        (FenceSetting(program="fence_x", options={f"o{n}": "" for n in range(65)}), "fence_too_many_options"),
    ],
)
def test_what_cannot_be_passed_on_is_refused(device: FenceSetting, code: str) -> None:
    bad = devices_problem((DEVICE, device))
    assert bad is not None
    assert bad.code == code


def test_a_node_has_a_limited_number_of_devices() -> None:
    assert devices_problem((DEVICE,) * MOST_DEVICES) is None
    bad = devices_problem((DEVICE,) * (MOST_DEVICES + 1))
    assert bad is not None
    assert bad.code == "fence_too_many"


OPTIONS = (
    FenceOption(name="action", required=True),
    FenceOption(name="ip", required=True, replaces="ipaddr"),
    FenceOption(name="ipaddr", required=True, deprecated=True),
    FenceOption(name="ipport", required=True, default="443"),
    FenceOption(name="verbose"),
)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"ip": "h"}, ""),
        ({"ipaddr": "h"}, ""),
        ({}, "fence_option_required"),
        ({"ip": "h", "colour": "red"}, "fence_option_unknown"),
        ({"ip": "h", "verbose": "1"}, "fence_option_unknown"),
    ],
)
def test_options_are_those_that_the_program_knows_and_needs(options: dict[str, str], code: str) -> None:
    bad = options_problem(FenceSetting(program="fence_x", options=options), OPTIONS)
    assert (bad.code if bad else "") == code
