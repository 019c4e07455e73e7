"""People's pictures: whatever file comes is drawn anew, small and clean, or left alone."""

from __future__ import annotations

import base64
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mnet import xmlrpc
from mnet.xmlrpc import MethodResponse, Value
from schooltool_bridge.sign_on import pictures
from schooltool_bridge.sign_on.pictures import MAX_BASE64_CHARS, NoPicture

RECORDED = Path(__file__).parents[2] / "vectors"


def file_of(
    kind: str = "PNG", size: tuple[int, int] = (60, 40), mode: str = "RGB", **options: Any
) -> bytes:
    """A picture whose left half is red and whose right half is white."""
    image = Image.new("RGB", size, "white")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    kept = BytesIO()
    image.convert(mode).save(kept, kind, **options)
    return kept.getvalue()


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def seen(png: bytes) -> Image.Image:
    with Image.open(BytesIO(png)) as image:
        image.load()
        return image


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right
    exif[0x010F] = "a camera of mine"
    return file_of("JPEG", quality=95, exif=exif)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", "RGB"), ("PNG", "P"), ("PNG", "RGBA"), ("PNG", "LA"), ("PNG", "1"), ("JPEG", "RGB"),
     ("JPEG", "CMYK"), ("JPEG", "L"), ("GIF", "P"), ("WEBP", "RGB")],
)  # fmt: skip
def test_every_usual_picture_becomes_a_small_square_png(kind: str, mode: str) -> None:
    png = pictures.from_base64(text_of(file_of(kind, mode=mode)))
    image = seen(png)
    assert (image.format, image.size, image.mode) == ("PNG", (192, 192), "RGBA")
    assert png == pictures.from_base64(text_of(file_of(kind, mode=mode)))
    left, right = image.convert("L").getpixel((9, 99)), image.convert("L").getpixel((180, 99))
    assert isinstance(left, int)
    assert isinstance(right, int)
    assert left < right


def test_a_picture_of_hundreds_of_scans_is_refused_before_it_is_drawn() -> None:
    file = file_of("JPEG", progressive=True)
    assert pictures.drawn_anew(file)  # the usual ten
    last = file.rindex(b"\xff\xda")
    scan = file[last : file.rindex(b"\xff\xd9")]
    with pytest.raises(NoPicture, match="more than 100 scans"):
        pictures.drawn_anew(file[:last] + scan * 101 + b"\xff\xd9")


def test_sixteen_bits_of_grey_are_scaled_down() -> None:
    kept = BytesIO()
    Image.new("I;16", (20, 20), 0x8000).save(kept, "PNG")
    assert seen(pictures.drawn_anew(kept.getvalue())).getpixel((9, 9)) == (128, 128, 128, 255)


def test_a_picture_on_its_side_is_set_upright_and_tells_nothing_more() -> None:
    png = pictures.drawn_anew(turned())
    image = seen(png)
    top, bottom = image.getpixel((96, 9)), image.getpixel((96, 183))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert (top[0] > 200 > top[1], min(bottom) > 240) == (True, True)
    assert b"camera" not in png
    assert image.info == {}
    assert not image.getexif()


def test_of_a_moving_picture_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    kept = BytesIO()
    frames[0].save(kept, "GIF", save_all=True, append_images=frames[1:])
    assert seen(pictures.drawn_anew(kept.getvalue())).getpixel((9, 9)) == (255, 0, 0, 255)


def bomb() -> bytes:
    """A PNG of 30,000 by 30,000 pixels in a few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(999)))


@pytest.mark.parametrize(
    "text",
    [
        "", "?", "AAAA", text_of(b"GIF89a"), text_of(b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        text_of(b"<script>alert(1)</script>"), text_of(bomb()), text_of(file_of("BMP")),
        text_of(file_of("TIFF")), text_of(file_of()[:80]), text_of(file_of("JPEG")[:200]),
        "A" * (MAX_BASE64_CHARS + 4), 1, None, True, [], {}, b"x", "\ud800",
    ],
)  # fmt: skip
def test_what_is_no_picture_or_too_much_is_left_alone(text: Any) -> None:
    with pytest.raises(NoPicture):
        pictures.from_base64(text)


def test_more_pixels_than_we_decode_are_refused_before_decoding() -> None:
    size = (4001, 4000)
    with pytest.raises(NoPicture, match="pixels"):
        pictures.drawn_anew(file_of(size=size))
    assert size[0] * size[1] > pictures.MAX_PIXELS >= 4000 * 4000


@settings(max_examples=300, deadline=None)
@given(
    data=st.one_of(
        st.binary(max_size=300),
        st.builds(
            lambda whole, at, put: (
                whole[: at % len(whole)] + put + whole[at % len(whole) + len(put) :]
            ),
            st.sampled_from([file_of(kind) for kind in pictures.FORMATS] + [turned()]),
            st.integers(0, 10_000),
            st.binary(min_size=1, max_size=8),
        ),
    )
)
def test_no_file_does_anything_but_become_a_picture_or_not(data: bytes) -> None:
    try:
        png = pictures.drawn_anew(data)
    except NoPicture:
        return
    assert seen(png).size == (192, 192)


@pytest.mark.parametrize(
    ("profile", "version"),
    [
        ({"picture": "6", "_mnet_userpicture_timemodified": "1795222333"}, "1795222333"),
        ({"picture": 1, "imagehash": "a" * 40}, "a" * 40),
        ({"imagehash": "a" * 40}, "a" * 40),
        ({"picture": "6"}, "picture 6"),
        ({"picture": "0", "imagehash": "a" * 40}, ""),
        ({"picture": 0}, ""),
        ({"picture": "", "imagehash": "a"}, ""),
        ({}, ""),
        ({"imagehash": "a" * 41}, ""),
        ({"imagehash": ["a"]}, ""),
    ],
)
def test_what_a_profile_says_of_its_picture(profile: dict[str, Value], version: str) -> None:
    assert pictures.version_of(profile) == version


def test_a_moodles_recorded_picture_is_read() -> None:
    payload = next(RECORDED.glob("moodle-3.11/020-*fetch_user_image.response.payload.xml"))
    response = xmlrpc.read_response(payload.read_bytes())
    assert isinstance(response, MethodResponse)
    assert isinstance(response.value, dict)
    assert seen(pictures.from_base64(response.value["f1"])).size == (192, 192)


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Teresa Ōquist", "TŌ"), ("Ana de la Cruz", "AC"), ("Madonna", "M"), ("", "")],
)
def test_initials_stand_in_for_a_picture(name: str, letters: str) -> None:
    assert pictures.initials(name) == letters


def test_what_shines_through_becomes_white_in_a_jpeg() -> None:
    clear = BytesIO()
    Image.new("RGBA", (50, 50), (0, 0, 0, 0)).save(clear, "PNG")
    large, small = pictures.as_jpegs(pictures.drawn_anew(clear.getvalue()))
    assert seen(large).getpixel((50, 50)) == seen(small).getpixel((9, 9)) == (255, 255, 255)
