"""The styles: each a canvas which paints the same marks its own way.

A canvas takes the sky at the start, then backdrop marks, things and weather, and gives the finished
picture. Every style puts an outline around things, in a tone which their backdrop cannot have.
"""

from collections.abc import Callable
from dataclasses import replace
from math import sin
from typing import Protocol

from PIL import Image

from evaluation.scenes import light, texture
from evaluation.scenes.brush import Brush, banded, shaded
from evaluation.scenes.light import RGB
from evaluation.scenes.marks import Mark, shape
from evaluation.scenes.settings import HORIZON

_OVERSAMPLED = 2
_PIXELS_A_SIDE = 85
_PIXEL_BANDS = 7
_PAPER_LAYERS = 5
_SHADOW: RGB = (10, 10, 30)
_TINTED = {
    "sun": 0.7,
    "low sun": 0.7,
    "moon": 0.8,
    "bolt": 0.9,
    "rain cloud": 0.5,
    "snow cloud": 0.6,
    "storm cloud": 0.5,
}


class Canvas(Protocol):
    """What a style must be able to paint, in this order."""

    def backdrop(self, mark: Mark) -> None: ...

    def thing(self, marks: list[Mark], colour: str) -> None: ...

    def weather(self, mark: Mark) -> None: ...

    def picture(self) -> Image.Image: ...


class Flat:
    """Clean shapes, a smooth sky, a dark rim around things."""

    margin = 0.007

    def __init__(self, size_px: int, time: str, weather: str) -> None:
        self._size_px = size_px
        self._light = (time, weather)
        self._brush = Brush(self._sky())

    def backdrop(self, mark: Mark) -> None:
        self._brush.paint(mark, light.backdrop_tone(mark.tone, *self._light))

    def thing(self, marks: list[Mark], colour: str) -> None:
        rim = light.outline_tone(colour)
        for mark in marks:
            self._brush.paint_grown(mark, rim, self.margin)
        for mark in marks:
            self._brush.paint(mark, light.thing_tone(mark.tone, colour))

    def weather(self, mark: Mark) -> None:
        if mark.tone == "flake":
            self._brush.paint_grown(mark, (132, 152, 190), 0.003)
        self.backdrop(mark)

    def picture(self) -> Image.Image:
        return self._brush.image.reduce(_OVERSAMPLED)

    def _sky(self) -> Image.Image:
        return shaded(self._size_px * _OVERSAMPLED, light.sky(*self._light), HORIZON)


class Line(Flat):
    """Ink on tinted paper; only things have colour inside."""

    def backdrop(self, mark: Mark) -> None:
        ink, paper = self._ink(), self._paper()
        if mark.tone == "mist":
            self._brush.paint(mark, light.mix(paper, (160, 166, 178), 0.6))
            return
        if mark.width or mark.alpha < 255:
            self._brush.trace(mark, light.mix(ink, paper, 0.35), 0.004)
            return
        tint = light.backdrop_tone(mark.tone, *self._light)
        self._brush.paint(mark, light.mix(paper, tint, _TINTED.get(mark.tone, 0.06)))
        self._brush.trace(mark, ink, 0.005)

    def thing(self, marks: list[Mark], colour: str) -> None:
        rim = light.outline_tone(colour)
        ink = light.mix(rim, (0, 0, 0), 0.4) if colour != "black" else rim
        for mark in marks:
            self._brush.paint_grown(mark, self._paper(), 0.012)
        for mark in marks:
            self._brush.paint(mark, light.thing_tone(mark.tone, colour))
            self._brush.trace(mark, ink, 0.006)

    def weather(self, mark: Mark) -> None:
        if mark.tone == "flake":
            snow = (150, 190, 244) if self._light[0] == "day" else light.WHITE
            self._brush.paint(mark, snow)
            self._brush.trace(mark, self._ink(), 0.003)
        elif mark.width:
            self._brush.paint(mark, light.mix(self._ink(), (60, 110, 220), 0.4))
        else:
            self.backdrop(mark)

    def _paper(self) -> RGB:
        return {"day": (252, 249, 240), "sunset": (255, 198, 142), "night": (44, 50, 92)}[
            self._light[0]
        ]

    def _ink(self) -> RGB:
        return (206, 212, 236) if self._light[0] == "night" else (66, 60, 70)

    def _sky(self) -> Image.Image:
        side = self._size_px * _OVERSAMPLED
        return Image.new("RGB", (side, side), self._paper())


class Pixel(Flat):
    """Big square dots, banded sky, hard black outlines."""

    margin = 1.01 / _PIXELS_A_SIDE

    def weather(self, mark: Mark) -> None:
        self.backdrop(mark)

    def picture(self) -> Image.Image:
        size = (self._size_px, self._size_px)
        if self._size_px > 2 * _PIXELS_A_SIDE:
            return self._brush.image.resize(size, Image.Resampling.NEAREST)
        blocks = self._brush.image.resize(
            (self._size_px * 3, self._size_px * 3), Image.Resampling.NEAREST
        )
        return blocks.reduce(3)

    def _sky(self) -> Image.Image:
        stops = light.sky(*self._light)
        bands = tuple(light.blended(stops, n / (_PIXEL_BANDS - 1)) for n in range(_PIXEL_BANDS))
        return banded(_PIXELS_A_SIDE, bands, HORIZON)


class Watercolour(Flat):
    """Soft, mottled washes with wet edges, and a ragged border of bare paper."""

    def backdrop(self, mark: Mark) -> None:
        rgb = light.mix(light.backdrop_tone(mark.tone, *self._light), light.WHITE, 0.14)
        self._brush.paint(mark, rgb)
        if not mark.width and mark.alpha == 255:
            self._brush.trace(mark, light.mix(rgb, light.BLACK, 0.16), 0.004)

    def thing(self, marks: list[Mark], colour: str) -> None:
        rim = light.mix(light.outline_tone(colour), light.thing_tone("main", colour), 0.25)
        for mark in marks:
            self._brush.paint_grown(mark, rim, 0.005)
        for mark in marks:
            self._brush.paint(
                mark, light.mix(light.thing_tone(mark.tone, colour), light.WHITE, 0.1)
            )

    def picture(self) -> Image.Image:
        return texture.washed(super().picture())


class Paper(Flat):
    """Layers of cut paper: every layer drops a shadow, every thing has a white border."""

    def __init__(self, size_px: int, time: str, weather: str) -> None:
        super().__init__(size_px, time, weather)
        stops = light.sky(time, weather)
        for layer in range(1, _PAPER_LAYERS):
            mark = _wave(layer * HORIZON / _PAPER_LAYERS, layer)
            self._drop_shadow(mark)
            self._brush.paint(mark, light.blended(stops, layer / (_PAPER_LAYERS - 1)))

    def backdrop(self, mark: Mark) -> None:
        if not mark.width and mark.alpha == 255:
            self._drop_shadow(mark)
        super().backdrop(mark)

    def thing(self, marks: list[Mark], colour: str) -> None:
        for mark in marks:
            self._brush.paint(replace(mark, alpha=110), _SHADOW, shift=(0.016, 0.02))
        for mark in marks:
            self._brush.paint_grown(mark, (250, 248, 240), 0.014)
        rim = light.mix(light.thing_tone("main", colour), light.BLACK, 0.45)
        for mark in marks:
            self._brush.paint_grown(mark, rim, 0.003)
        for mark in marks:
            self._brush.paint(mark, light.thing_tone(mark.tone, colour))

    def _sky(self) -> Image.Image:
        side = self._size_px * _OVERSAMPLED
        return Image.new("RGB", (side, side), light.sky(*self._light)[0])

    def _drop_shadow(self, mark: Mark) -> None:
        self._brush.paint(replace(mark, alpha=80), _SHADOW, shift=(0.007, -0.009))


def _wave(level: float, number: int) -> Mark:
    crest = [(x / 20, level + 0.022 * sin(x * 0.62 + number * 2.1)) for x in range(21)]
    return shape("sky", *crest, (1.0, 1.0), (0.0, 1.0))


CANVASES: dict[str, Callable[[int, str, str], Canvas]] = {
    "flat": Flat,
    "line": Line,
    "pixel": Pixel,
    "watercolour": Watercolour,
    "paper": Paper,
}
