"""Where sshd answers, read from its configuration as it stands on machines."""

from pathlib import Path

import pytest

from nodeagent.system.sshserver import ssh_endpoints

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ssh_host_ed25519_key.pub").write_text(f"{KEY} root@node\n")
    (tmp_path / "other.pub").write_text("ssh-rsa AAAAB3\n")
    (tmp_path / "sshd_config.d").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", ["10.0.0.1:22", "10.1.0.1:22"]),
        ("#Port 99\nPort 2222\n", ["10.0.0.1:2222", "10.1.0.1:2222"]),
        ("port=22\nPort 2222\nListenAddress 10.0.0.1\n", ["10.0.0.1:22", "10.0.0.1:2222"]),
        ("Port 2222\nListenAddress 10.1.0.1:23\nListenAddress ::\n", ["10.1.0.1:23"]),
        ("ListenAddress 0.0.0.0:23\nListenAddress [::]:24\n", ["10.0.0.1:23", "10.1.0.1:23"]),
        ("ListenAddress ::1\n", []),
        ("Match User anna\nPort 5\n", ["10.0.0.1:22", "10.1.0.1:22"]),
    ],
)
def test_addresses_and_ports_are_those_that_sshd_listens_on(folder: Path, text: str, places: list[str]) -> None:
    (folder / "sshd_config").write_text(text)
    found = ssh_endpoints(["10.0.0.1", "10.1.0.1"], folder / "sshd_config")
    assert [f"{endpoint.host}:{endpoint.port}" for endpoint in found] == places
    assert all(endpoint.host_keys == (KEY,) for endpoint in found)


def test_included_files_count_in_their_place_and_name_other_keys(folder: Path) -> None:
    (folder / "sshd_config").write_text("Include sshd_config.d/*.conf\nPort 22\n")
    (folder / "sshd_config.d/10.conf").write_text(f"Port 2200\nHostKey {folder}/other\nHostKey {folder}/missing\n")
    found = ssh_endpoints(["10.0.0.1"], folder / "sshd_config")
    assert [(endpoint.port, endpoint.host_keys) for endpoint in found] == [
        (2200, ("ssh-rsa AAAAB3",)),
        (22, ("ssh-rsa AAAAB3",)),
    ]


def test_files_that_include_each_other_come_to_an_end(folder: Path) -> None:
    (folder / "sshd_config").write_text(f"Include {folder}/sshd_config\nPort 22\n")
    assert [endpoint.port for endpoint in ssh_endpoints(["10.0.0.1"], folder / "sshd_config")] == [22]


def test_a_machine_without_sshd_reports_nothing(tmp_path: Path) -> None:
    assert ssh_endpoints(["10.0.0.1"], tmp_path / "sshd_config") == ()
