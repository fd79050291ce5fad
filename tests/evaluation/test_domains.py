"""The same classes in several domains: every ordered pair, by the picture alone and composed."""

from pathlib import Path

import numpy as np
import pytest

from evaluation.baselines import composer_or_baseline
from evaluation.benchmarks.domains import DomainsBenchmark, as_a, domains_benchmark
from evaluation.embedded import Embedding
from evaluation.runner import Contestant, evaluate
from models.composers.registry import Composers
from models.errors import InputError
from tests.fakes import ColourEncoder, picture

FILES = (
    "photo/dog/1.png",
    "photo/dog/2.png",
    "photo/house/1.png",
    "sketch/dog/1.png",
    "sketch/house/1.png",
    "sketch/house/2.png",
)


def laid_out(data: Path, *files: str) -> Path:
    for file in files:
        (data / file).parent.mkdir(parents=True, exist_ok=True)
        picture("red").save(data / file)
    return data


def opened(data: Path, *files: str, task: str = "all") -> DomainsBenchmark:
    return domains_benchmark(laid_out(data, *(files or FILES)), task=task)


def test_a_picture_is_asked_of_the_other_domain_alone(tmp_path: Path) -> None:
    to_sketch, to_photo, _ = opened(tmp_path).tasks
    assert (to_sketch.name, to_photo.name) == ("photo-to-sketch", "sketch-to-photo")
    assert to_photo.gallery == ("photo/dog/1.png", "photo/dog/2.png", "photo/house/1.png")
    assert to_photo.depth is None
    dog, house, other_house = to_photo.questions
    assert (dog.picture, dog.wordings, dog.ignored) == ("sketch/dog/1.png", (), frozenset())
    assert dog.relevant == {"photo/dog/1.png", "photo/dog/2.png"}
    assert house.relevant == other_house.relevant == {"photo/house/1.png"}


def test_a_conversion_is_asked_of_the_whole_collection_without_the_picture(tmp_path: Path) -> None:
    *_, conversion = opened(tmp_path).tasks
    assert (conversion.name, conversion.gallery, conversion.depth) == ("conversion", None, 50)
    assert conversion.baselines == ("image", "text")
    asked = [(question.picture, question.wordings) for question in conversion.questions]
    assert asked == [
        *((file, (("as a sketch",),)) for file in FILES[:3]),
        *((file, (("as a photo",),)) for file in FILES[3:]),
    ]
    first = conversion.questions[0]
    assert first.relevant == {"sketch/dog/1.png"}
    assert first.ignored == {"photo/dog/1.png"}


@pytest.mark.parametrize(
    ("folder", "instruction"),
    [
        ("photo", "as a photo"),
        ("art_painting", "as an art painting"),
        ("Real World", "as a real world"),
        ("infograph", "as an infograph"),
    ],
)
def test_a_folders_name_is_worded(folder: str, instruction: str) -> None:
    assert as_a(folder) == instruction


def test_whole_rankings_of_a_pair_are_counted(tmp_path: Path) -> None:
    benchmark = opened(tmp_path)
    dog_1, dog_2, house = FILES[:3]
    ranked = [[dog_1, house, dog_2], [house, dog_1, dog_2], [dog_1, dog_2, house]]
    metrics = benchmark.metrics({"sketch-to-photo": ranked})
    # AP: (1/1 + 2/3)/2 = 5/6 of the dog, 1/1 and 1/3 of the houses; none has over 200 relevant
    assert metrics["sketch-to-photo/mAP@all"] == pytest.approx((5 / 6 + 1 + 1 / 3) / 3)
    assert metrics["sketch-to-photo/mAP@200"] == metrics["sketch-to-photo/mAP@all"]
    # 2 + 1 + 1 right ones among the first hundred, which are three
    assert metrics["sketch-to-photo/P@100"] == pytest.approx(4 / 100 / 3)
    assert metrics["sketch-to-photo/P@200"] == pytest.approx(4 / 200 / 3)
    # a mean is of all pairs, or there is none
    assert len(metrics) == 4
    assert benchmark.metrics({}) == {}


def test_means_count_each_pair_once(tmp_path: Path) -> None:
    benchmark = opened(tmp_path)
    dog_1, dog_2, house = FILES[:3]
    dog, house_1, house_2 = FILES[3:]
    metrics = benchmark.metrics(
        {
            "sketch-to-photo": [
                [dog_1, house, dog_2],
                [house, dog_1, dog_2],
                [dog_1, dog_2, house],
            ],
            "photo-to-sketch": [[dog, house_1, house_2]] * 3,
        }
    )
    # 1, 1, and of the house (1/2 + 2/3)/2 = 7/12
    to_sketch, to_photo = (1 + 1 + 7 / 12) / 3, (5 / 6 + 1 + 1 / 3) / 3
    assert metrics["photo-to-sketch/mAP@all"] == pytest.approx(to_sketch)
    assert metrics["mean/mAP@all"] == pytest.approx((to_sketch + to_photo) / 2)
    # 1 + 1 + 2 right ones one way, 2 + 1 + 1 the other
    assert metrics["mean/P@100"] == pytest.approx(4 / 100 / 3)


def test_at_200_no_more_than_200_can_be_missed(tmp_path: Path) -> None:
    photos = [f"photo/dog/{at:03}.png" for at in range(300)]
    for file in photos:  # names are enough to count
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    benchmark = domains_benchmark(laid_out(tmp_path, "sketch/dog/1.png"), task="images")
    metrics = benchmark.metrics({"sketch-to-photo": [photos]})
    assert metrics["sketch-to-photo/mAP@200"] == 1
    half = benchmark.metrics({"sketch-to-photo": [photos[:100]]})
    # 100 hits of precision 1: of 200 that count, and of the 300 that there are
    assert half["sketch-to-photo/mAP@200"] == pytest.approx(100 / 200)
    assert half["sketch-to-photo/mAP@all"] == pytest.approx(100 / 300)
    assert half["sketch-to-photo/P@100"] == 1
    assert half["sketch-to-photo/P@200"] == pytest.approx(1 / 2)


@pytest.mark.parametrize("seed", range(5))
def test_map_over_all_is_that_of_sketch_based_retrieval(tmp_path: Path, seed: int) -> None:
    """Restated as the mean, over the relevant, of the share of relevant ones no lower."""
    rng = np.random.default_rng(seed)
    photos = [f"photo/{at % 3}/{at}.png" for at in range(30)]
    sketches = [f"sketch/{at % 3}/{at}.png" for at in range(9)]
    benchmark = opened(tmp_path, *photos, *sketches, task="images")
    (to_photo,) = [task for task in benchmark.tasks if task.name == "sketch-to-photo"]
    scores = rng.random((9, 30))
    aps, ranked = [], []
    for row, question in enumerate(to_photo.questions):
        relevant = np.array([photo in question.relevant for photo in photos])
        no_lower = scores[row][None, :] >= scores[row][:, None]  # (of a photo, another)
        aps.append(np.mean((no_lower[:, relevant].sum(axis=1) / no_lower.sum(axis=1))[relevant]))
        ranked.append([photos[at] for at in np.argsort(-scores[row])])
    metrics = benchmark.metrics({"sketch-to-photo": ranked})
    assert metrics["sketch-to-photo/mAP@all"] == pytest.approx(np.mean(aps), abs=1e-12)


def test_conversions_are_counted_by_pair_with_their_baselines(tmp_path: Path) -> None:
    benchmark = opened(tmp_path)
    dog_1, dog_2, house = FILES[:3]
    dog, house_1, house_2 = FILES[3:]
    good = [[dog], [dog], [house_2, dog, house_1], [dog_1, dog_2], [dog_1, house], [house]]
    blind = [[dog_2, dog], [dog_1, dog], [house_1, house_2], [dog_1, dog_2], [house], [house]]
    metrics = benchmark.metrics({"conversion": good, "conversion.image": blind})
    # to sketches: 1, 1, (1/1 + 2/3)/2 = 5/6; to photos: 1, 1/2, 1
    assert metrics["conversion/photo-to-sketch/mAP@50"] == pytest.approx((1 + 1 + 5 / 6) / 3)
    assert metrics["conversion/sketch-to-photo/mAP@50"] == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert metrics["conversion/mean/mAP@50"] == pytest.approx((17 / 6 + 5 / 2) / 6)
    assert metrics["conversion/photo-to-sketch/R@1"] == 1
    assert metrics["conversion/sketch-to-photo/R@1"] == pytest.approx(2 / 3)
    assert metrics["conversion/mean/R@1"] == pytest.approx(5 / 6)
    assert metrics["conversion/mean/R@5"] == metrics["conversion/mean/R@50"] == 1
    # by the picture alone two of three photos find a photo first
    assert metrics["conversion.image/photo-to-sketch/R@1"] == pytest.approx(1 / 3)
    assert metrics["conversion.image/mean/R@1"] == pytest.approx((1 / 3 + 1) / 2)
    assert not any(name.startswith("conversion.text/") for name in metrics)
    with pytest.raises(InputError, match="5 rankings for 6 queries"):
        benchmark.metrics({"conversion": good[:5]})


def test_a_class_that_a_domain_lacks_asks_nothing_of_it(tmp_path: Path) -> None:
    benchmark = opened(tmp_path, *FILES, "photo/cat/1.png", "clipart/cat/1.png", "toy/owl/1.png")
    assert {task.name: len(task.questions) for task in benchmark.tasks} == {
        "clipart-to-photo": 1,
        "photo-to-clipart": 1,  # but not of dogs and houses
        "photo-to-sketch": 3,
        "sketch-to-photo": 3,
        "conversion": 8,
    }
    # none of them leaves the pictures that are searched
    (to_photo,) = [task for task in benchmark.tasks if task.name == "sketch-to-photo"]
    assert "photo/cat/1.png" in (to_photo.gallery or ())
    assert "toy/owl/1.png" in {each.key for each in benchmark.pictures()}


def test_one_half_can_be_asked_for(tmp_path: Path) -> None:
    laid_out(tmp_path, *FILES)
    images = domains_benchmark(tmp_path, task="images")
    assert [task.name for task in images.tasks] == ["photo-to-sketch", "sketch-to-photo"]
    conversion = domains_benchmark(tmp_path, task="conversion")
    assert [task.name for task in conversion.tasks] == ["conversion"]
    assert conversion.metrics({"conversion": [["x"]] * 6})["conversion/mean/R@1"] == 0
    with pytest.raises(InputError, match="task 'both': expected one of all, images, conversion"):
        domains_benchmark(tmp_path, task="both")


def test_names_of_pairs_are_single_words(tmp_path: Path) -> None:
    benchmark = opened(tmp_path, "Real World/a/1.png", "art (oil)/a/1.png", task="images")
    assert [task.name for task in benchmark.tasks] == [
        "Real_World-to-art_oil_",
        "art_oil_-to-Real_World",
    ]
    more = ("real world/a/1.png", "real_world/a/1.png", "b/a/1.png")
    with pytest.raises(InputError, match="pairs of domains: 'b-to-real_world' is there twice"):
        opened(tmp_path / "more", *more)


def test_a_model_is_asked_through_the_index(tmp_path: Path) -> None:
    data = tmp_path / "data"
    # what is a house has green in it, and what is in blue has blue
    colours = {
        "red/dog/1.png": (255, 0, 0),
        "red/house/1.png": (255, 255, 0),
        "blue/dog/1.png": (200, 0, 200),
        "blue/house/1.png": (0, 255, 100),
    }
    for file, colour in colours.items():
        (data / file).parent.mkdir(parents=True)
        picture(colour).save(data / file)
    encoder = ColourEncoder()
    how = Embedding("colours", tmp_path / "cache", threads=1, announce=lambda line: None)
    contestant = Contestant(encoder, composer_or_baseline("sum", Composers(encoder)))
    result, rankings = evaluate(domains_benchmark(data), contestant, how)
    assert result.counts == {
        "pictures": 4,
        "blue-to-red": 2,
        "red-to-blue": 2,
        "conversion": 4,
    }
    assert rankings["red-to-blue"][0] == ["blue/dog/1.png", "blue/house/1.png"]
    # asked with the picture alone, the dog in red is nearest to that in blue, itself left out
    assert rankings["conversion.image"][2][0] == "blue/dog/1.png"
    assert "red/dog/1.png" not in rankings["conversion"][2]
    assert result.metrics["mean/mAP@all"] == 1
    assert {"conversion/mean/mAP@50", "conversion.text/mean/R@1"} <= result.metrics.keys()


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("1.png", r"/1\.png: a picture, where a folder of a domain is expected"),
        ("photo/1.png", r"photo/1\.png: a picture, where a folder of a class is expected"),
        ("photo/dog/a/1.png", r"dog/a: a folder, where the pictures of a class are expected"),
    ],
)
def test_a_picture_on_a_wrong_level_is_refused(tmp_path: Path, file: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        opened(tmp_path, *FILES, file)


def test_domains_without_a_shared_class_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no two domains .* that share a class"):
        opened(tmp_path, "photo/dog/1.png", "sketch/cat/1.png")
    with pytest.raises(InputError, match="nowhere: cannot be listed"):
        domains_benchmark(tmp_path / "nowhere")
    with pytest.raises(InputError, match="--split val: the domains benchmark has no splits"):
        domains_benchmark(tmp_path, "val")
