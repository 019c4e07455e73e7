"""A site whose address has a path, as when it shares its host with a Moodle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.framed import PASSWORD
from tests.helpers.site import Site
from tests.helpers.visitor import Visitor, over_http


@pytest.fixture(scope="module")
def below(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("below") / "home", path="/school") as running:
        yield running


@pytest.mark.parametrize("cut", [False, True], ids=["whole address", "the proxy cuts the path off"])
def test_a_site_below_a_path_works(below: Site, *, cut: bool) -> None:
    visitor = Visitor(over_http(below.port, "" if cut else "/school"))
    password = below.run("admin", "reset-password", "admin")["one_time_password"]
    front = visitor.get("/")
    assert front.status == 200
    assert front.tree.xpath("//form/@action") == ["/school/"]
    for address in front.tree.xpath("//link/@href | //script/@src | //img/@src"):
        assert address.startswith("/school/admin/static/")
        assert visitor.get(address.removeprefix("/school")).status == 200
    away = visitor.get("/admin/audit")
    assert away.location == "/school/?next=/admin/audit"
    answer = visitor.sign_in("admin", password, next="/admin/audit")
    assert answer.location == "/school/admin/audit"
    assert all("Path=/school;" in line for line in answer.set_cookies.values())
    assert visitor.get("/admin/audit").location == "/school/admin/password"
    assert visitor.get("/admin/password").status == 200
    new = {"old_password": password, "new_password": PASSWORD, "new_again": PASSWORD}
    assert visitor.send("/admin/password", **new).location == "/school/admin"
    audit_page = visitor.get("/admin/audit")
    assert audit_page.status == 200
    assert audit_page.tree.xpath("//nav//a[@aria-current='page']/@href") == ["/school/admin/audit"]
    assert visitor.get("/nothing").status == 404


def test_the_path_itself_and_what_only_begins_like_it(below: Site) -> None:
    visitor = Visitor(over_http(below.port))
    assert visitor.get("/school").status == 200
    assert visitor.get("/school/admin/sign%2Din").status == 303
    assert visitor.get("/schooladmin/sign-in").status == 404
