"""What known_hosts files say, and our own file of accepted keys."""

import base64
import hmac
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusteradmin.ssh.hostkeys import (
    HostKey,
    KnownHosts,
    Standing,
    name_of,
    parse_known_hosts,
    preferred_types,
    remember,
    wildcard,
)

FILE = Path("known_hosts")


def key(kind: str = "ssh-ed25519", body: bytes = b"one") -> HostKey:
    name = kind.encode()
    return HostKey(kind, len(name).to_bytes(4) + name + len(body).to_bytes(4) + body)


ONE, TWO = key(body=b"one"), key(body=b"two")
RSA = key("ssh-rsa", b"rsa")


def known(text: str) -> KnownHosts:
    return KnownHosts(parse_known_hosts(text, FILE))


def hashed(name: str, salt: bytes = b"01234567890123456789") -> str:
    digest = hmac.digest(salt, name.encode(), "sha1")
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def test_a_fingerprint_is_the_one_that_ssh_keygen_shows() -> None:
    text = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJoWaM/hLxld4ql4LV1HIkaNeCH4ReQNOGdQxuzIkfvu somebody@somewhere"
    assert HostKey.parse(text).fingerprint == "SHA256:7q1oY+9sPHjZNgQC0QpGhL1PU2quoJ+4s2MyRUog+ts"


@pytest.mark.parametrize(
    ("hosts", "host", "port"),
    [
        ("node1", "node1", 22),
        ("node1", "NODE1", 22),
        ("Node1.Example.COM", "node1.example.com", 22),
        ("node0,node1,node2", "node1", 22),
        ("*.example.com", "node1.example.com", 22),
        ("node?", "node1", 22),
        ("[node1]:2222", "node1", 2222),
        ("[node*]:2222", "node1", 2222),
        ("[fe80::1]:2222", "fe80::1", 2222),
        ("*", "node1", 2222),
        ("!node2,node*", "node1", 22),
        (hashed("node1"), "node1", 22),
        (hashed("[node1]:2222"), "node1", 2222),
    ],
)
def test_a_host_is_known_by_its_line(hosts: str, host: str, port: int) -> None:
    finding = known(f"# mine\n\n{hosts} {ONE} a comment\n").look_up(host, port, ONE)
    assert finding.standing is Standing.KNOWN
    assert finding.entry is not None
    assert (finding.entry.file, finding.entry.line) == (FILE, 3)


@pytest.mark.parametrize(
    ("hosts", "host", "port"),
    [
        ("node1", "node2", 22),
        ("[node1]:2222", "node1", 22),
        ("[node1]:2222", "node1", 2223),
        ("node?", "node12", 22),
        ("node[12]", "node1", 22),
        ("*,!node1", "node1", 22),
        ("!node1", "node2", 22),
        (hashed("node1"), "node2", 22),
        ("|1|not base64|at all", "node1", 22),
        ("|2|AAAA|AAAA", "node1", 22),
    ],
)
def test_a_line_for_others_says_nothing_about_a_host(hosts: str, host: str, port: int) -> None:
    assert known(f"{hosts} {ONE}\n").look_up(host, port, TWO).standing is Standing.UNKNOWN


def test_another_key_than_the_known_one_is_a_changed_key_and_the_line_is_named() -> None:
    finding = known(f"other {TWO}\nnode1 {ONE}\n").look_up("node1", 22, TWO)
    assert finding.standing is Standing.CHANGED
    assert finding.entry is not None
    assert (finding.entry.line, finding.entry.key) == (2, ONE)


def test_one_right_line_among_several_is_enough() -> None:
    assert known(f"node1 {ONE}\nnode1 {TWO}\n").look_up("node1", 22, TWO).standing is Standing.KNOWN


def test_a_known_host_that_shows_a_key_of_another_type_has_changed() -> None:
    assert known(f"node1 {RSA}\n").look_up("node1", 22, ONE).standing is Standing.CHANGED


def test_a_host_known_only_by_types_that_cannot_be_negotiated_is_unknown() -> None:
    old = key("ssh-dss", b"old")
    assert known(f"node1 {old}\n").look_up("node1", 22, ONE).standing is Standing.UNKNOWN


def test_the_line_of_the_same_type_is_the_one_that_is_shown() -> None:
    finding = known(f"node1 {RSA}\nnode1 {ONE}\n").look_up("node1", 22, TWO)
    assert finding.entry is not None
    assert finding.entry.key == ONE


def test_a_key_known_for_the_host_without_its_port_is_known() -> None:
    hosts = known(f"node1 {ONE}\n")
    assert hosts.look_up("node1", 2222, ONE).standing is Standing.KNOWN
    assert hosts.look_up("node1", 2222, TWO).standing is Standing.UNKNOWN  # another server of the same machine


@pytest.mark.parametrize("port", [22, 2222])
@pytest.mark.parametrize("order", [0, 1])
def test_a_revoked_key_is_revoked_also_where_another_line_knows_it(port: int, order: int) -> None:
    lines = [f"{name_of('node1', port)} {ONE}\n", f"@revoked * {ONE}\n"]
    text = "".join(reversed(lines) if order else lines)
    finding = known(text).look_up("node1", port, ONE)
    assert finding.standing is Standing.REVOKED
    assert finding.entry is not None
    assert finding.entry.line == (1 if order else 2)


def test_a_revoked_key_does_not_make_other_keys_of_the_host_wrong() -> None:
    assert known(f"@revoked node1 {ONE}\n").look_up("node1", 22, TWO).standing is Standing.UNKNOWN


@pytest.mark.parametrize(
    "line",
    [
        f"@cert-authority *.example.com,node1 {TWO}",
        f"@unheard-of node1 {TWO}",
        "node1",
        "node1 ssh-ed25519",
        "node1 ssh-ed25519 !!!",
        f"node1 ssh-rsa {str(TWO).split()[1]}",
        "node1 1024 35 1234567890",
        "@revoked",
        "\x00\ufeff",
    ],
)
def test_a_line_that_cannot_be_used_leaves_the_others_in_force(line: str) -> None:
    hosts = known(f"{line}\nnode1 {ONE}\n")
    assert hosts.look_up("node1", 22, ONE).standing is Standing.KNOWN
    assert hosts.known_types("node1", 22) == ["ssh-ed25519"]


def test_known_types_are_negotiated_first() -> None:
    hosts = known(f"node1 {RSA}\n@revoked node1 {ONE}\n")
    assert hosts.known_types("node1", 2222) == ["ssh-rsa"]
    assert preferred_types(hosts.known_types("node1", 2222))[0] == "ssh-rsa"
    assert preferred_types([])[0] == "ssh-ed25519"
    assert set(preferred_types(["ssh-rsa"])) == set(preferred_types([]))


def test_files_that_are_not_there_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "there").write_text(f"node1 {ONE}\n")
    hosts = KnownHosts.read([tmp_path / "not there", tmp_path, tmp_path / "there"])
    assert hosts.look_up("node1", 22, ONE).standing is Standing.KNOWN


@given(st.text())
def test_any_text_at_all_is_read(text: str) -> None:
    known(text).look_up("node1", 22, ONE)


@given(st.lists(st.sampled_from(["*", "?", "a", "b", "[", "]", "."]), max_size=6), st.text("ab[].", max_size=8))
def test_a_pattern_matches_as_its_definition_says(pattern: list[str], name: str) -> None:
    def matches(rest: list[str], text: str) -> bool:
        if not rest:
            return not text
        if rest[0] == "*":
            return matches(rest[1:], text) or (bool(text) and matches(rest, text[1:]))
        return bool(text) and rest[0] in ("?", text[0]) and matches(rest[1:], text[1:])

    assert bool(wildcard("".join(pattern)).fullmatch(name)) is matches(pattern, name)


@given(st.from_regex(r"[a-z0-9.-]{1,20}", fullmatch=True), st.integers(1, 65535), st.binary(max_size=40))
def test_what_is_remembered_is_found_again(name: str, port: int, body: bytes) -> None:
    shown = key(body=body)
    hosts = known(f"{name_of(name, port)} {shown}\n")
    assert hosts.look_up(name, port, shown).standing is Standing.KNOWN
    assert hosts.look_up(name, port, key(body=body + b"!")).standing is Standing.CHANGED


def test_our_own_file_is_made_for_its_owner_only_and_grows_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "new" / "known_hosts"
    remember(file, "node1", 2222, ONE)
    remember(file, "node2", 22, TWO)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert file.read_text() == f"[node1]:2222 {ONE}\nnode2 {TWO}\n"


def test_a_file_without_a_final_newline_is_continued_on_a_new_line(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"node1 {ONE}")
    remember(file, "node2", 22, TWO)
    assert file.read_text().splitlines() == [f"node1 {ONE}", f"node2 {TWO}"]


def test_keys_accepted_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: remember(file, f"node{number}", 22, ONE), range(40)))
    hosts = KnownHosts.read([file])
    assert all(hosts.look_up(f"node{number}", 22, ONE).standing is Standing.KNOWN for number in range(40))
