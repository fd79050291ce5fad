"""Draw a scene as a picture of any size."""

from PIL import Image

from evaluation.scenes import settings, weather
from evaluation.scenes.layout import placements
from evaluation.scenes.marks import moved
from evaluation.scenes.spec import Scene
from evaluation.scenes.styles import CANVASES
from evaluation.scenes.things import figure
from models.errors import InputError


def render(scene: Scene, size_px: int = 256) -> Image.Image:
    """An RGB picture; a small one looks like a large one scaled down.

    Raises InputError for a size below one.
    """
    if size_px < 1:
        raise InputError(f"a picture needs a side of at least 1 pixel, got {size_px}")
    canvas = CANVASES[scene.style](size_px, scene.time, scene.weather)
    seed = scene.layout_seed
    for mark in weather.in_the_sky(scene.time, scene.weather, seed):
        canvas.backdrop(mark)
    for mark in settings.backdrop(scene.setting, seed):
        canvas.backdrop(mark)
    for mark in weather.behind(scene.time, scene.weather, seed):
        canvas.weather(mark)
    for spot in placements(scene):
        marks = [moved(m, spot.scale, spot.left, spot.top) for m in figure(spot.thing.kind).marks]
        canvas.thing(marks, spot.thing.colour)
    for mark in weather.before(scene.weather, seed):
        canvas.weather(mark)
    return canvas.picture()
