"""What ssh_config says about a host, and the texts that name one."""

import getpass
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusteradmin.ssh.config import ConfigError, HostConfig, SshConfig, Target
from clusteradmin.ssh.jump import MOST_JUMPS, route


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    return tmp_path / "home"


def look_up(home: Path, text: str, target: str = "node1", succeeds: bool = False) -> HostConfig:
    (home / ".ssh" / "config").write_text(text)
    return configuration(home, succeeds).look_up(target)


def configuration(home: Path, succeeds: bool = False) -> SshConfig:
    return SshConfig(home, home.parent / "etc", succeeds=lambda command: succeeds)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("node1", Target("node1")),
        ("root@node1", Target("node1", "root")),
        ("root@node1:2222", Target("node1", "root", 2222)),
        (" node1:22 ", Target("node1", None, 22)),
        ("[fe80::1]:2222", Target("fe80::1", None, 2222)),
        ("anna@[fe80::1%eth0]", Target("fe80::1%eth0", "anna")),
        ("fe80::1", Target("fe80::1")),
        ("root@::1", Target("::1", "root")),
        ("anna@example.com@node1", Target("node1", "anna@example.com")),
        ("ssh://anna@node1:2222/", Target("node1", "anna", 2222)),
    ],
)
def test_a_target_is_read(text: str, target: Target) -> None:
    assert Target.parse(text) == target
    assert Target.parse(str(target)) == target


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@node1",
        "root@",
        "node1:",
        "node1:0",
        "node1:65536",
        "node1:ssh",
        "[fe80::1]2222",
        "[fe80::1]:",
        "a b",
        "-oX=y",
        "node1;reboot",
        "$(reboot)@node1",
        "node1:٣",
    ],
)
def test_a_text_that_names_no_host_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ConfigError, match=r"\.$"):
        Target.parse(text)


@given(st.text(max_size=30))
def test_any_text_is_a_target_or_refused(text: str) -> None:
    try:
        target = Target.parse(text)
    except ConfigError:
        return
    assert target.host


def test_without_any_configuration_the_usual_holds(home: Path) -> None:
    (home / ".ssh" / "id_ed25519").touch()
    host = configuration(home).look_up("node1")
    assert host == HostConfig(
        alias="node1",
        hostname="node1",
        port=22,
        user=getpass.getuser(),
        identity_files=(home / ".ssh" / "id_ed25519",),
        known_hosts_files=(
            home / ".ssh" / "known_hosts",
            home / ".ssh" / "known_hosts2",
            home.parent / "etc" / "ssh_known_hosts",
        ),
    )


def test_an_alias_stands_for_all_that_is_needed_to_dial(home: Path) -> None:
    host = look_up(
        home,
        """
        # the cluster's first node
        Host web node1
            HostName = 192.0.2.1
            Port 2222
            User "anna"
            IdentityFile ~/.ssh/cluster key.pub # only the first word
            IdentityFile "~/keys/with space"
            IdentityFile %d/%r@%h:%p
            IdentitiesOnly yes
            ProxyJump bob@gate:2200,[fe80::1]
            UserKnownHostsFile /one ~/two
            GlobalKnownHostsFile none
            HostKeyAlias cluster
        """,
    )
    assert host == HostConfig(
        alias="node1",
        hostname="192.0.2.1",
        port=2222,
        user="anna",
        identity_files=(home / ".ssh/cluster", home / "keys/with space", home / "anna@192.0.2.1:2222"),
        identities_only=True,
        proxy_jump=(Target("gate", "bob", 2200), Target("fe80::1")),
        known_hosts_files=(Path("/one"), home / "two"),
        host_key_alias="cluster",
    )
    assert host.key_name == "cluster"


def test_what_the_target_says_comes_before_the_file(home: Path) -> None:
    host = look_up(home, "Host *\n User anna\n Port 2222\n", "bob@node1:22")
    assert (host.user, host.port) == ("bob", 22)


def test_the_first_value_counts_and_the_users_file_comes_before_the_systems(home: Path) -> None:
    (home.parent / "etc" / "ssh_config").write_text("Port 3\nUser system\nHostKeyAlias fromsystem\n")
    host = look_up(home, "Host node*\n Port 1\nHost *\n Port 2\n User anna\n")
    assert (host.port, host.user, host.key_name) == (1, "anna", "fromsystem")


def test_a_negated_pattern_keeps_a_host_out_of_a_block(home: Path) -> None:
    text = "Host node* !node1\n Port 1\nHost * !*\n Port 2\nHost NODE1\n Port 3\n"
    assert look_up(home, text).port == 3


@pytest.mark.parametrize(
    ("criteria", "applies"),
    [
        ("all", True),
        ("host 192.0.2.1", True),
        ("host node1", False),
        ("originalhost node?", True),
        ("!originalhost node1", False),
        ("originalhost other,node1 user anna", True),
        ("user bob", False),
        (f"localuser {getpass.getuser()}", True),
        ('exec "test %h = x"', True),
        ('!exec "test %h = x"', False),
        ("final all", False),
        ("tagged x", False),
    ],
)
def test_a_match_block_applies_when_all_its_criteria_hold(home: Path, criteria: str, applies: bool) -> None:
    text = f"HostName 192.0.2.1\nUser anna\nMatch {criteria}\n Port 2222\n"
    assert look_up(home, text, succeeds=True).port == (2222 if applies else 22)


def test_the_command_of_match_exec_is_run_and_its_status_counts(home: Path) -> None:
    (home / ".ssh" / "config").write_text(
        'Match exec "test %n = node1"\n Port 1\nMatch exec "test %n = node2"\n Port 2\nMatch exec "exit 1"\n Port 3\n'
    )
    config = SshConfig(home, home.parent / "etc")
    assert [config.look_up(name).port for name in ("node1", "node2", "node3")] == [1, 2, 22]


def test_included_files_count_where_they_are_included(home: Path) -> None:
    (home / ".ssh" / "conf.d").mkdir()
    (home / ".ssh" / "conf.d" / "10-port").write_text("Host node1\n Port 1\n")
    (home / ".ssh" / "conf.d" / "20-port").write_text("Host node1\n Port 2\n User anna\n")
    elsewhere = home / "elsewhere"
    elsewhere.write_text("HostKeyAlias there\n")
    host = look_up(home, f"Include conf.d/*\nInclude {elsewhere} missing\nHost *\n Port 3\n")
    assert (host.port, host.user, host.key_name) == (1, "anna", "there")


def test_an_include_in_a_block_holds_for_the_blocks_hosts_only_and_does_not_end_the_block(home: Path) -> None:
    (home / ".ssh" / "more").write_text("Host node1\n User anna\nHost *\n Port 1\n")
    text = "Host node1\n Include more\n HostKeyAlias one\nHost node2\n Include more\n"
    assert look_up(home, text) == look_up(home, "Host *\n User anna\n Port 1\n HostKeyAlias one\n")
    other = look_up(home, text, "node3")
    assert (other.user, other.port, other.key_name) == (getpass.getuser(), 22, "node3")


def test_files_that_include_each_other_come_to_an_end(home: Path) -> None:
    (home / ".ssh" / "again").write_text("Include config\nPort 5\n")
    assert look_up(home, "Include again\n").port == 5


def test_what_is_no_setting_is_passed_over(home: Path) -> None:
    assert look_up(home, 'Host node1\n???\nPort\nUser "unclosed\n Port 2222\n').port == 2222


@given(st.lists(st.text('HostMachIncludePort *!"#=%~$\n\t12/.', max_size=20)))
def test_any_configuration_at_all_is_read_or_refused(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / ".ssh").mkdir()
        (Path(folder) / ".ssh" / "config").write_text("\n".join(lines))
        try:
            SshConfig(Path(folder), Path(folder), succeeds=lambda command: True).look_up("node1")
        except ConfigError:
            return


@pytest.mark.parametrize(
    ("text", "jumps", "command"),
    [
        ("ProxyJump none\nProxyJump gate\n", (), ""),
        ("ProxyCommand nc %h %p\nProxyJump gate\n", (), "nc %h %p"),
        ("ProxyJump gate\nProxyCommand nc %h %p\n", (Target("gate"),), ""),
        ("ProxyCommand none\n", (), ""),
    ],
)
def test_the_first_of_proxy_jump_and_proxy_command_counts(
    home: Path, text: str, jumps: tuple[Target, ...], command: str
) -> None:
    host = look_up(home, text)
    assert (host.proxy_jump, host.proxy_command) == (jumps, command)


def test_the_way_leads_over_the_jump_hosts_of_the_first_jump_host_too(home: Path) -> None:
    (home / ".ssh" / "config").write_text(
        "Host node1\n ProxyJump first,second\nHost first\n ProxyJump gate\nHost second\n ProxyJump nowhere\n"
    )
    assert [host.alias for host in route("node1", configuration(home))] == ["gate", "first", "second", "node1"]


def test_jumps_in_a_circle_are_refused_with_a_sentence(home: Path) -> None:
    (home / ".ssh" / "config").write_text("Host *\n ProxyJump gate\n")
    with pytest.raises(ConfigError, match=f"more than {MOST_JUMPS} jump hosts; check ProxyJump"):
        route("node1", configuration(home))
