"""Floods of the pages: by anybody, and by somebody who is signed in and uploads what is no sheet."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

from schooltool_bridge.gradebook.upload import ASSESSMENTS
from tests.helpers.moodle import Moodle
from tests.helpers.visitor import SAME, Page, Visitor, over_http
from tests.soak.flood import Until, flood, many, post, unique
from tests.soak.stage import CLERK, PASSWORD, Stage

SIGN_IN = "/"
FORM = "multipart/form-data; boundary=b"
MB = 1024 * 1024


@flood("failed sign-ins")
def sign_ins(stage: Stage, until: Until) -> None:
    """Passwords guessed for names that are there and that are not."""

    def once(number: int) -> None:
        visitor = Visitor(over_http(stage.port))
        visitor.sign_in(CLERK if number % 2 else unique(), "guessed " + unique())

    many(until, 8, once)


@flood("multipart without names")
def multipart(stage: Stage, until: Until) -> None:
    """Forms with thousands of parts, with no names and no end, by nobody who is signed in."""
    part = b'--b\r\nContent-Disposition: form-data; filename="x"\r\n\r\nx\r\n'
    named = b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n'
    bodies = [part * 60_000, part * 10 + b"--b--", named + b"y" * 4 * MB, b"--b\r\n" * 400_000]

    def once(number: int) -> None:
        path = (SIGN_IN, "/admin/sections/1/upload")[number % 2]
        post(stage, bodies[number // 2 % len(bodies)][: 4 * MB], path, FORM)

    many(until, 4, once)


@flood("bombs by upload")
def bombs(stage: Stage, until: Until) -> None:
    """Workbooks and zips that unpack to very much, by a signed-in clerk."""
    visitor = Visitor(over_http(stage.port))
    visitor.sign_in(CLERK, PASSWORD)
    upload = "/admin/sections/1/upload"
    files = [_workbook(make) for make in (_blanks, _cells, _many_parts)]

    def send(data: bytes) -> Page:
        token = visitor.get(upload).form_token
        fields = {"form_token": token, "what": ASSESSMENTS}
        head = "".join(
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        )
        head += '--b\r\nContent-Disposition: form-data; name="file"; filename="a.xlsx"\r\n\r\n'
        body = head.encode() + data + b"\r\n--b--\r\n"
        return visitor.post(upload, body, {"Content-Type": FORM, **SAME})

    reached = send(b"PK\x03\x04 and no workbook").message()
    assert reached, "the file is not looked at"
    assert "Choose" not in reached, reached
    many(until, 2, lambda n: send(files[n % len(files)]))


@flood("huge titles")
def titles(stage: Stage, until: Until) -> None:
    """A site whose first page is 100 KB of <title>, looked at by an admin who wants to add it."""
    visitor = Visitor(over_http(stage.port))
    visitor.sign_in(CLERK, PASSWORD)
    with Moodle(stage.site.wwwroot, stage.pem) as looked_at:
        looked_at.page = (200, "<title>" * 15_000)

        def once(_number: int) -> None:
            visitor.send("/admin/peers/add", wwwroot=looked_at.wwwroot, application="moodle")

        once(0)
        assert looked_at.asked, "it is not looked at"
        many(until, 2, once)


def _workbook(fill: Callable[[zipfile.ZipFile], None]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as book:
        types = "http://schemas.openxmlformats.org/package/2006/content-types"
        relations = "http://schemas.openxmlformats.org/package/2006/relationships"
        office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml"
        book.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{types}"><Override PartName="/xl/workbook.xml" ContentType="{sheet}'
            f'.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" '
            f'ContentType="{sheet}.worksheet+xml"/></Types>',
        )
        book.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{relations}"><Relationship Id="r1" '
            f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
            '<sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{relations}"><Relationship Id="r1" '
            f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        )
        fill(book)
    return packed.getvalue()


def _blanks(book: zipfile.ZipFile) -> None:
    """One part of 600 MB of blanks."""
    with book.open("xl/worksheets/sheet1.xml", "w") as part:
        for _ in range(600):
            part.write(b" " * MB)


def _cells(book: zipfile.ZipFile) -> None:
    """A sheet of a million rows."""
    main = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    with book.open("xl/worksheets/sheet1.xml", "w") as part:
        part.write(b'<worksheet xmlns="' + main + b'"><sheetData>')
        for _ in range(100):
            part.write(b'<row><c t="inlineStr"><is><t>x</t></is></c></row>' * 10_000)
        part.write(b"</sheetData></worksheet>")


def _many_parts(book: zipfile.ZipFile) -> None:
    for number in range(20_000):
        book.writestr(f"xl/worksheets/sheet{number}.xml", b"<x/>")
