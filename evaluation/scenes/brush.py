"""Paint marks on a picture: fractions of the picture become pixels here, and only here."""

from PIL import Image, ImageDraw

from evaluation.scenes.light import RGB
from evaluation.scenes.marks import Mark

_AROUND = ((1, 0), (0.7, 0.7), (0, 1), (-0.7, 0.7), (-1, 0), (-0.7, -0.7), (0, -1), (0.7, -0.7))
_LINES_ROUNDED_FROM_PX = 5


class Brush:
    """Paints on one square picture; `image` is it."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self._size = image.width
        self._draw = ImageDraw.Draw(image, "RGBA")

    def paint(self, mark: Mark, rgb: RGB, *, shift: tuple[float, float] = (0.0, 0.0)) -> None:
        colour = (*rgb, mark.alpha)
        size, (across, down) = self._size, shift
        points = [((x + across) * size, (y + down) * size) for x, y in mark.points]
        if mark.width:
            self._line(points, colour, mark.width)
        else:
            self._draw.polygon(points, fill=colour)

    def paint_grown(self, mark: Mark, rgb: RGB, margin: float) -> None:
        """The mark with a margin all round, for rims and outlines."""
        if mark.width:
            points = [(x * self._size, y * self._size) for x, y in mark.points]
            self._line(points, (*rgb, mark.alpha), mark.width + 2 * margin)
            return
        for across, down in _AROUND:
            self.paint(mark, rgb, shift=(across * margin, down * margin))

    def trace(self, mark: Mark, rgb: RGB, width: float) -> None:
        """Only the line around the mark."""
        size = self._size
        points = [(x * size, y * size) for x, y in mark.points]
        self._draw.line([*points, points[0]], fill=(*rgb, 255), width=self._width_px(width))

    def _line(
        self, points: list[tuple[float, float]], colour: tuple[int, int, int, int], width: float
    ) -> None:
        width_px = self._width_px(width)
        joint = "curve" if width_px >= _LINES_ROUNDED_FROM_PX and len(points) > 2 else None
        self._draw.line(points, fill=colour, width=width_px, joint=joint)

    def _width_px(self, width: float) -> int:
        return max(1, round(width * self._size))


def shaded(size_px: int, colours: tuple[RGB, ...], reach: float) -> Image.Image:
    """Colours blended from the top down to `reach` of the height; the last one goes on below."""
    return _hung(size_px, colours, reach, Image.Resampling.BILINEAR)


def banded(size_px: int, colours: tuple[RGB, ...], reach: float) -> Image.Image:
    """The same with a hard edge after each colour."""
    return _hung(size_px, colours, reach, Image.Resampling.NEAREST)


def _hung(
    size_px: int, colours: tuple[RGB, ...], reach: float, between: Image.Resampling
) -> Image.Image:
    strip = Image.new("RGB", (1, len(colours)))
    strip.putdata(list(colours))
    high = max(1, round(size_px * reach))
    image = Image.new("RGB", (size_px, size_px), colours[-1])
    image.paste(strip.resize((1, high), between).resize((size_px, high)))
    return image
