"""Scenes have exact captions and exact edits, and their pictures show what they say."""

import csv
import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from evaluation.scenes import (
    Scene,
    Thing,
    boxes,
    checked_combinations,
    combinations,
    generate,
    render,
    write_scenes,
    write_sidecars,
)
from evaluation.scenes.spec import (
    COLOURS,
    KINDS,
    PLACES,
    SETTINGS,
    SKY_KINDS,
    STYLES,
    TIMES,
    WEATHERS,
    kinds_in,
)
from index.sourcing.sidecars import read_sidecar
from models.errors import InputError

PLAIN = ("time", "weather", "style", "setting")


def scene(**changes: object) -> Scene:
    base = Scene(
        file="scene-00000.png",
        style="flat",
        setting="meadow",
        time="day",
        weather="clear",
        things=(
            Thing("house", "red", "small", 2, "left"),
            Thing("cat", "blue", "large", 1, "right"),
        ),
        layout_seed=5,
        full="",
        short=(),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def shown(made: Scene) -> tuple[object, ...]:
    return made.style, made.setting, made.time, made.weather, made.things


def area_changed(before: Scene, after: Scene) -> Image.Image:
    difference = ImageChops.difference(render(before, 128), render(after, 128)).convert("L")
    return difference.point([0] * 6 + [255] * 250)


def mean_colour(made: Scene, box: tuple[int, int, int, int] | None = None) -> tuple[int, ...]:
    pixel = render(made, 128).crop(box).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return tuple(round(value) for value in pixel)


def test_the_same_seed_gives_the_same_set() -> None:
    assert generate(4, 60) == generate(4, 60)


def test_another_seed_gives_another_set() -> None:
    assert generate(4, 60).scenes != generate(5, 60).scenes


def test_the_first_scene_of_a_seed_stays_what_it_was() -> None:
    (first,) = generate(0, 1).scenes
    assert shown(first)[:4] == ("pixel", "mountains", "night", "fog")
    assert first.things == (
        Thing("butterfly", "white", "large", 1, "left"),
        Thing("castle", "green", "small", 3, "middle"),
        Thing("balloon", "purple", "large", 1, "right"),
    )


@pytest.mark.parametrize("count", [1, 2, 7, 50])
def test_the_set_has_exactly_the_count_asked_for(count: int) -> None:
    made = generate(1, count)
    assert len({entry.file for entry in made.scenes}) == count


@pytest.mark.parametrize("count", [0, -3])
def test_a_count_below_one_is_refused(count: int, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        generate(1, count)
    with pytest.raises(InputError):
        write_scenes(tmp_path / "none", seed=1, count=count)
    assert not (tmp_path / "none").exists()


def test_a_size_below_one_is_refused() -> None:
    with pytest.raises(InputError):
        render(scene(), 0)


def test_no_two_scenes_show_or_say_the_same() -> None:
    scenes = generate(2, 4000).scenes
    assert len({shown(made) for made in scenes}) == 4000
    assert len({made.full for made in scenes}) == 4000


def test_a_full_caption_names_every_thing() -> None:
    for made in generate(3, 300).scenes:
        for thing in made.things:
            for word in (thing.colour, thing.size, thing.kind[:-1], thing.place):
                assert word in made.full.lower()


def test_all_words_come_up() -> None:
    scenes = generate(3, 1500).scenes
    things = [thing for made in scenes for thing in made.things]
    assert {made.style for made in scenes} == set(STYLES)
    assert {made.setting for made in scenes} == set(SETTINGS)
    assert {made.time for made in scenes} == set(TIMES)
    assert {made.weather for made in scenes} == set(WEATHERS)
    assert {thing.kind for thing in things} == set(KINDS)
    assert {thing.colour for thing in things} == set(COLOURS)


def test_groups_in_a_scene_differ_in_kind_and_place_and_suit_the_setting() -> None:
    for made in generate(6, 800).scenes:
        kinds = [thing.kind for thing in made.things]
        places = [thing.place for thing in made.things]
        assert len(set(kinds)) == len(kinds) >= 1
        assert places == [place for place in PLACES if place in places]
        assert set(kinds) <= set(kinds_in(made.setting))


def test_an_edit_changes_the_named_thing_and_nothing_else() -> None:
    made = generate(7, 1200)
    by_file = {entry.file: entry for entry in made.scenes}
    kinds = set()
    for edit in made.edits:
        before, after = by_file[edit.reference], by_file[edit.target]
        assert before.layout_seed == after.layout_seed
        assert changes(before, after) == edit.kind
        kinds.add(edit.kind)
    assert kinds == {*PLAIN, "colour", "count", "add", "remove"}


def changes(before: Scene, after: Scene) -> str:
    names = [name for name in PLAIN if getattr(before, name) != getattr(after, name)]
    gone, come = set(before.things) - set(after.things), set(after.things) - set(before.things)
    if gone and come:
        (old,), (new,) = gone, come
        names += [f.name for f in fields(Thing) if getattr(old, f.name) != getattr(new, f.name)]
    elif gone or come:
        names.append("remove" if gone else "add")
        assert len(gone | come) == 1
    return "+".join(names)


def test_more_than_half_of_a_set_can_be_reached_by_an_edit() -> None:
    made = generate(8, 1000)
    assert len({edit.target for edit in made.edits}) > 550


def test_an_edit_shows_and_leaves_the_other_things_where_they_were() -> None:
    made = generate(9, 80)
    by_file = {entry.file: entry for entry in made.scenes}
    for edit in made.edits[::2]:
        before, after = by_file[edit.reference], by_file[edit.target]
        assert area_changed(before, after).getbbox() is not None
        kept = set(before.things) & set(after.things)
        assert [b for b in boxes(before) if b[0] in kept] == [
            b for b in boxes(after) if b[0] in kept
        ]


@pytest.mark.parametrize("kind", KINDS)
def test_boxes_hold_what_is_drawn_and_little_else(kind: str) -> None:
    thing = Thing(kind, "red", "large", 2, "middle")
    made = scene(things=(*scene().things, thing))
    drawn = area_changed(scene(), made).getbbox()
    own = [box for of, box in boxes(made) if of == thing]
    assert drawn is not None
    assert len(own) == 2
    edges = zip(*own, strict=True)
    for found, said, pick in zip(drawn, edges, (min, min, max, max), strict=True):
        assert found / 128 == pytest.approx(pick(said), abs=0.025)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_there_is_a_box_inside_the_picture_for_every_single_thing(count: int) -> None:
    for kind in KINDS:
        for place in PLACES:
            made = scene(things=(Thing(kind, "green", "large", count, place),))
            found = boxes(made)
            assert len(found) == count
            assert all(0 <= b[0] < b[2] <= 1 and 0 <= b[1] < b[3] <= 1 for _, b in found)


def test_groups_hardly_overlap_each_other() -> None:
    for made in generate(10, 400).scenes:
        for thing, first in boxes(made):
            for other, second in boxes(made):
                if thing != other:
                    assert min(first[2], second[2]) - max(first[0], second[0]) < 0.12


def test_a_large_thing_is_nearly_twice_as_wide_as_a_small_one() -> None:
    for kind in KINDS:
        widths = []
        for size in ("small", "large"):
            ((_, box),) = boxes(scene(things=(Thing(kind, "red", size, 1, "middle"),)))
            widths.append(box[2] - box[0])
        assert widths[1] / widths[0] >= 1.8


def test_things_which_fly_start_in_the_sky_and_others_stand_on_the_ground() -> None:
    for made in generate(11, 300).scenes:
        for thing, box in boxes(made):
            if thing.kind not in SKY_KINDS:
                assert box[3] > 0.6
            elif thing.count == 1:
                assert box[3] < 0.66


@pytest.mark.parametrize("style", STYLES)
def test_night_is_darker_than_day_and_sunset_redder(style: str) -> None:
    day, sunset, night = (mean_colour(scene(style=style, time=time)) for time in TIMES)
    assert sum(night) < 0.7 * sum(sunset) < 0.7 * sum(day)
    assert sunset[0] - sunset[2] > day[0] - day[2] + 30


@pytest.mark.parametrize("style", STYLES)
def test_every_weather_looks_its_own_way(style: str) -> None:
    views = [render(scene(style=style, weather=weather), 64) for weather in WEATHERS]
    assert len({view.tobytes() for view in views}) == len(WEATHERS)


@pytest.mark.parametrize("style", STYLES)
def test_a_small_picture_looks_like_a_large_one_scaled_down(style: str) -> None:
    made = scene(style=style, weather="rain")
    scaled = render(made, 256).resize((96, 96), Image.Resampling.BOX)
    difference = ImageChops.difference(scaled, render(made, 96)).convert("L")
    mean = difference.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(mean, int | float)
    assert mean < 12


@pytest.mark.parametrize("size_px", [1, 17, 112])
def test_a_picture_is_rgb_and_of_the_size_asked_for(size_px: int) -> None:
    for style in STYLES:
        picture = render(scene(style=style), size_px)
        assert (picture.mode, picture.size) == ("RGB", (size_px, size_px))


def test_a_folder_holds_pictures_captions_edits_and_boxes(tmp_path: Path) -> None:
    told: list[int] = []
    write_scenes(tmp_path, seed=12, count=9, size_px=64, workers=1, progress=told.append)
    made = generate(12, 9)
    names = {entry.file for entry in made.scenes}
    assert {path.name for path in tmp_path.iterdir()} == {
        *names, "captions.tsv", "edits.jsonl", "scenes.jsonl",
    }  # fmt: skip
    assert told == list(range(1, 10))
    with Image.open(tmp_path / made.scenes[3].file) as picture:
        assert picture.tobytes() == render(made.scenes[3], 64).tobytes()


def test_captions_are_a_table_of_file_kind_and_caption(tmp_path: Path) -> None:
    write_scenes(tmp_path, seed=12, count=5, size_px=32)
    with (tmp_path / "captions.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    first = generate(12, 5).scenes[0]
    assert rows[0] == ["file", "kind", "caption"]
    assert rows[1] == [first.file, "full", first.full]
    assert rows[2:5] == [[first.file, "short", caption] for caption in first.short]


def test_edits_and_scenes_are_one_object_a_line(tmp_path: Path) -> None:
    write_scenes(tmp_path, seed=12, count=5, size_px=32)
    edits = [json.loads(line) for line in (tmp_path / "edits.jsonl").read_text().splitlines()]
    scenes = [json.loads(line) for line in (tmp_path / "scenes.jsonl").read_text().splitlines()]
    made = generate(12, 5)
    assert [edit["target"] for edit in edits] == [edit.target for edit in made.edits]
    assert set(edits[0]) == {"reference", "instruction", "kind", "target"}
    assert [entry["file"] for entry in scenes] == [entry.file for entry in made.scenes]
    thing = scenes[0]["things"][0]
    assert set(thing) == {"kind", "colour", "size", "count", "place", "boxes"}
    assert len(thing["boxes"]) == thing["count"]


def test_a_sidecar_tells_what_a_picture_shows(tmp_path: Path) -> None:
    write_scenes(tmp_path, seed=12, count=5, size_px=32)
    names = [scene.file for scene in generate(12, 5).scenes]
    kept = (tmp_path / names[0]).with_suffix(".json")
    kept.write_text("{}")
    write_sidecars(tmp_path)
    assert kept.read_text() == "{}"
    for scene in generate(12, 5).scenes[1:]:
        told = read_sidecar((tmp_path / scene.file).with_suffix(".json"))
        assert told.caption == scene.short[0]
        facts = told.metadata
        assert (facts["style"], facts["setting"]) == (scene.style, scene.setting)
        assert (facts["time"], facts["weather"]) == (scene.time, scene.weather)
        assert facts["kinds"] == sorted({thing.kind for thing in scene.things})
        assert facts["colours"] == sorted({thing.colour for thing in scene.things})
        assert facts["things"] == sum(thing.count for thing in scene.things)
        tags = facts["tags"]
        assert isinstance(tags, list)
        words = {scene.style, scene.setting, scene.time, scene.weather} - {"clear"}
        assert words | {thing.kind for thing in scene.things} <= set(tags)
        assert "clear" not in tags


def test_several_workers_write_the_same_pictures_as_one(tmp_path: Path) -> None:
    write_scenes(tmp_path / "one", seed=13, count=104, size_px=16, workers=1)
    write_scenes(tmp_path / "two", seed=13, count=104, size_px=16, workers=2)
    for path in (tmp_path / "one").iterdir():
        assert (tmp_path / "two" / path.name).read_bytes() == path.read_bytes()


def test_an_edit_of_things_concerns_those_that_differ_and_one_of_the_scene_all() -> None:
    cat, dog = Thing("cat", "red", "small", 1, "left"), Thing("sheep", "red", "small", 1, "right")
    blue = Thing("cat", "blue", "small", 1, "left")
    assert combinations([cat, dog], [blue, dog], "colour") == {"cat/colour"}
    assert combinations([cat, dog], [dog], "remove") == {"cat/remove"}
    assert combinations([cat, dog], [cat, dog], "time") == {"cat/time", "sheep/time"}


def test_a_combination_of_what_there_is_not_is_refused() -> None:
    assert checked_combinations(["cat/colour", "boat/time"]) == {"cat/colour", "boat/time"}
    for name in ("dragon/colour", "cat/size", "cat", ""):
        with pytest.raises(InputError, match="expected THING/EDIT"):
            checked_combinations([name])
