"""The things which were built or which grow, drawn on a grid about 100 wide."""

from evaluation.scenes.marks import Mark, arc, oval, rectangle, shape, stroke


def house() -> tuple[Mark, ...]:
    return (
        rectangle("shade", 68, 8, 80, 40),
        rectangle("main", 14, 44, 86, 98),
        shape("shade", (2, 48), (50, 6), (98, 48)),
        rectangle("wood", 42, 66, 59, 98),
        rectangle("glass", 21, 58, 36, 74),
        rectangle("glass", 65, 58, 80, 74),
        oval("glass", 50, 32, 6, 6),
    )


def tree() -> tuple[Mark, ...]:
    return (
        shape("wood", (43, 60), (57, 60), (61, 122), (39, 122)),
        oval("main", 26, 50, 24, 23),
        oval("main", 74, 50, 24, 23),
        oval("main", 50, 28, 30, 28),
        oval("main", 50, 58, 30, 22),
        oval("light", 40, 24, 12, 10),
        oval("light", 24, 46, 8, 7),
        oval("shade", 70, 58, 12, 7),
        oval("shade", 50, 68, 12, 6),
    )


def car() -> tuple[Mark, ...]:
    return (
        shape("main", (28, 34), (42, 6), (86, 6), (102, 34)),
        shape("main", (2, 42), (10, 33), (118, 33), (130, 42), (130, 64), (2, 64)),
        shape("glass", (36, 32), (46, 12), (62, 12), (62, 32)),
        shape("glass", (68, 32), (68, 12), (83, 12), (93, 32)),
        rectangle("shade", 2, 54, 130, 64),
        oval("lamp", 124, 45, 5, 5),
        oval("dark", 32, 66, 16, 16),
        oval("dark", 100, 66, 16, 16),
        oval("steel", 32, 66, 7, 7),
        oval("steel", 100, 66, 7, 7),
    )


def tent() -> tuple[Mark, ...]:
    return (
        stroke("wood", 4, (60, 14), (66, 0)),
        stroke("wood", 4, (60, 14), (54, 0)),
        shape("main", (60, 10), (120, 90), (0, 90)),
        shape("shade", (60, 10), (120, 90), (92, 90)),
        shape("dark", (60, 34), (80, 90), (40, 90)),
        shape("light", (60, 34), (44, 90), (30, 90)),
    )


def lighthouse() -> tuple[Mark, ...]:
    return (
        shape("main", (26, 36), (54, 36), (64, 128), (16, 128)),
        shape("trim", (24, 56), (56, 56), (58.5, 76), (21.5, 76)),
        shape("trim", (19.5, 96), (60.5, 96), (62.5, 114), (17.5, 114)),
        rectangle("lamp", 26, 12, 54, 32),
        rectangle("dark", 19, 30, 61, 38),
        shape("shade", (20, 15), (40, -5), (60, 15)),
    )


def umbrella() -> tuple[Mark, ...]:
    handle = ((50, 8), (50, 96), *arc((60, 96), (10, 10), 180, 20, 8))
    dome = arc((50, 54), (52, 46), 180, 360)
    hem = [p for x in (84.7, 50, 15.3) for p in arc((x, 54), (17.3, 9), 0, -180, 8)]
    return (
        stroke("dark", 6, *handle),
        stroke("dark", 5, (50, 0), (50, 10)),
        shape("main", *dome, *hem),
        shape("light", *arc((50, 54), (18, 46), 180, 360, 12), *arc((50, 54), (18, 9), 0, -180, 8)),
    )


def flower() -> tuple[Mark, ...]:
    petals = [oval("main", x, y, 17, 17) for x, y in arc((50, 38), (25, 25), 0, 300, 5)]
    return (
        stroke("leaf", 7, (50, 50), (50, 122)),
        shape("leaf", (50, 104), (22, 82), (16, 96), (34, 108), (50, 110)),
        shape("leaf", (50, 114), (78, 90), (84, 104), (66, 116), (50, 120)),
        *petals,
        oval("shade", 50, 38, 17, 17),
        oval("heart", 50, 38, 13, 13),
    )


def mushroom() -> tuple[Mark, ...]:
    stem = ((38, 48), (62, 48), (64, 80), (72, 100), (28, 100), (36, 80))
    return (
        shape("cream", *stem),
        shape("main", *arc((50, 54), (50, 50), 180, 360), *arc((50, 54), (50, 9), 0, 180, 12)),
        oval("trim", 50, 22, 10, 9),
        oval("trim", 24, 40, 9, 8),
        oval("trim", 76, 40, 9, 8),
    )


def castle() -> tuple[Mark, ...]:
    return (
        stroke("dark", 3, (17, 26), (17, -4)),
        stroke("dark", 3, (93, 26), (93, -4)),
        shape("beak", (17, -6), (34, 1), (17, 8)),
        shape("beak", (93, -6), (110, 1), (93, 8)),
        _battlement("main", 28, 82, 46, 100),
        _battlement("main", 2, 33, 22, 100),
        _battlement("main", 77, 108, 22, 100),
        rectangle("shade", 33, 62, 77, 68),
        shape("dark", *arc((55, 86), (11, 12), 180, 360, 10), (66, 100), (44, 100)),
        rectangle("glass", 13, 48, 22, 64),
        rectangle("glass", 88, 48, 97, 64),
    )


def _battlement(tone: str, left: float, right: float, top: float, bottom: float) -> Mark:
    step = (right - left) / 5
    teeth = [
        (left + step * (index + side), top if index % 2 == 0 else top + 10)
        for index in range(5)
        for side in (0, 1)
    ]
    return shape(tone, *teeth, (right, bottom), (left, bottom))


def boat() -> tuple[Mark, ...]:
    return (
        stroke("wood", 5, (54, 2), (54, 76)),
        shape("main", (58, 6), (98, 62), (58, 64)),
        shape("trim", (50, 14), (50, 64), (16, 64)),
        shape("main", (0, 72), (112, 72), (94, 100), (18, 100)),
        shape("shade", (10, 88), (102, 88), (94, 100), (18, 100)),
    )
