"""The systemd unit and nginx's file: written as the manual shows them, and taken away again."""

from __future__ import annotations

from pathlib import Path

import pytest

from schooltool_bridge.server.service_files import MANUAL
from tests.helpers.site import Refused, Site

UNIT, PROXY = "etc/systemd/system/mnet-peer.service", "etc/nginx/conf.d/mnet-peer.conf"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = Site(tmp_path_factory.mktemp("service") / "home")
    file = site.home / "settings.toml"
    file.write_text(file.read_text().replace(site.wwwroot, "https://office.example.edu"))
    return site


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for file in (UNIT, PROXY):
        (tmp_path / file).parent.mkdir(parents=True)
    return tmp_path


def install(site: Site, root: Path, *options: str) -> dict[str, str]:
    common = ["--root", str(root), "--user", "peer", "--port", "8911"]
    done = site.run("service", "install", *common, *options)
    return {one["file"].removeprefix(f"{root}/"): one["outcome"] for one in done}


@pytest.mark.requirement("R14")
def test_the_files_are_those_of_the_manual_with_our_own_places(site: Site, root: Path) -> None:
    assert install(site, root) == {UNIT: "written", PROXY: "written"}
    unit, proxy = ((root / file).read_text().splitlines() for file in (UNIT, PROXY))
    shown = MANUAL.read_text().splitlines()
    # All but the first line and our own places stand in the manual.
    own = {line for line in (*unit[1:], *proxy[1:]) if line not in shown}
    assert {line.strip().partition("=")[0].split()[0] for line in own} == {
        "User", "Environment", "ExecStart", "ReadWritePaths",
        "server_name", "ssl_certificate", "ssl_certificate_key", "proxy_pass",
    }  # fmt: skip
    assert "User=peer" in unit
    assert f"Environment=MNET_PEER_HOME={site.home}" in unit
    assert "    server_name office.example.edu;" in proxy
    assert "        proxy_pass http://127.0.0.1:8911;" in proxy
    assert any(":8911:interface=127.0.0.1" in line for line in unit)
    assert not [line for line in (*unit, *proxy) if "8900" in line or "/srv/" in line]
    assert install(site, root) == {UNIT: "unchanged", PROXY: "unchanged"}


def test_a_dry_run_writes_nothing(site: Site, root: Path) -> None:
    text = site.text("service", "install", "--dry-run", "--user", "peer", "--root", str(root))
    assert "[Service]" in text
    assert "server {" in text
    assert not [file for file in root.rglob("*") if file.is_file()]


def test_what_a_person_changed_is_not_written_over_and_not_removed(site: Site, root: Path) -> None:
    install(site, root)
    unit = root / UNIT
    changed = unit.read_text() + "# by hand\n"
    unit.write_text(changed)
    before = {file: file.read_text() for file in root.rglob("*") if file.is_file()}
    for command in (
        ["install", "--user", "peer", "--port", "8912"],
        ["remove"],
    ):
        with pytest.raises(Refused, match="Somebody changed") as refused:
            site.run("service", *command, "--root", str(root))
        assert str(unit) in refused.value.stderr
    assert {file: file.read_text() for file in root.rglob("*") if file.is_file()} == before
    assert install(site, root, "--replace") == {UNIT: "written", PROXY: "unchanged"}
    kept = unit.with_name(unit.name + ".old")
    assert kept.read_text() == changed
    unit.write_text("another\n")
    done = site.run("service", "remove", "--root", str(root), "--replace")
    assert [one["outcome"] for one in done] == ["removed", "removed"]
    assert not unit.exists()
    assert not (root / PROXY).exists()
    assert unit.with_name(unit.name + ".old2").read_text() == "another\n"
    assert kept.read_text() == changed


def test_our_own_files_of_before_are_written_anew_and_removed(site: Site, root: Path) -> None:
    install(site, root)
    done = site.run("service", "install", "--root", str(root), "--user", "other", "--port", "8911")
    assert [one["outcome"] for one in done] == ["written", "unchanged"]
    site.run("service", "remove", "--root", str(root))
    assert not [file for file in root.rglob("*") if file.is_file()]


def test_a_path_that_a_unit_reads_otherwise_is_refused(site: Site, root: Path) -> None:
    with pytest.raises(Refused, match="characters"):
        site.run("service", "install", "--root", str(root), "--user", "a b")
    assert not [file for file in root.rglob("*") if file.is_file()]
