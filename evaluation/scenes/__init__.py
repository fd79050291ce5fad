"""Seeded illustrated scenes with exact captions and exact edits."""

from evaluation.scenes.combinations import checked_combinations, combinations
from evaluation.scenes.generate import generate
from evaluation.scenes.layout import boxes
from evaluation.scenes.render import render
from evaluation.scenes.sidecars import write_sidecars
from evaluation.scenes.spec import Edit, Scene, SceneSet, Thing
from evaluation.scenes.write import drawing_pool, write_scenes

__all__ = [
    "Edit",
    "Scene",
    "SceneSet",
    "Thing",
    "boxes",
    "checked_combinations",
    "combinations",
    "drawing_pool",
    "generate",
    "render",
    "write_scenes",
    "write_sidecars",
]
