"""The animals which stand or swim, drawn on a grid about 100 wide."""

from math import cos, pi, sin

from evaluation.scenes.marks import Mark, arc, oval, shape, stroke


def cat() -> tuple[Mark, ...]:
    return (
        stroke("main", 11, (74, 108), (94, 104), (100, 86), (92, 70)),
        shape("main", (50, 50), (68, 62), (80, 92), (78, 114), (20, 114), (22, 92), (32, 62)),
        shape("main", (20, 34), (18, 0), (42, 16)),
        shape("main", (76, 34), (78, 0), (54, 16)),
        oval("main", 48, 38, 32, 27),
        shape("light", (24, 22), (23, 9), (34, 17)),
        shape("light", (72, 22), (73, 9), (62, 17)),
        oval("light", 49, 92, 14, 20),
        oval("trim", 36, 34, 8, 8),
        oval("trim", 60, 34, 8, 8),
        oval("dark", 37, 35, 4.5, 6),
        oval("dark", 59, 35, 4.5, 6),
        shape("beak", (43, 46), (53, 46), (48, 53)),
    )


def sheep() -> tuple[Mark, ...]:
    fleece = [oval("main", x, y, 17, 17) for x, y in arc((52, 40), (32, 20), 0, 315, 7)]
    legs = [stroke("dark", 9, (x, 58), (x, 88)) for x in (28, 42, 62, 76)]
    return (
        *legs,
        *fleece,
        oval("main", 52, 40, 34, 24),
        stroke("shade", 4, *arc((38, 38), (10, 9), 150, 330, 10)),
        stroke("shade", 4, *arc((60, 48), (10, 9), 150, 330, 10)),
        oval("dark", 84, 20, 9, 5),
        oval("dark", 98, 32, 14, 17),
        oval("main", 94, 18, 12, 8),
        oval("trim", 102, 29, 4, 4),
    )


def snail() -> tuple[Mark, ...]:
    turns = [step * pi / 8 for step in range(34)]
    spiral = [(48 + t * 2.7 * cos(t), 46 + t * 2.7 * sin(t)) for t in turns]
    return (
        stroke("skin", 5, (106, 62), (98, 36)),
        stroke("skin", 5, (112, 62), (118, 36)),
        shape(
            "skin",
            (2, 92),
            (24, 78),
            (88, 78),
            (94, 62),
            (104, 54),
            (116, 56),
            (122, 68),
            (112, 92),
        ),
        oval("main", 48, 46, 40, 40),
        stroke("shade", 7, *spiral),
        oval("dark", 98, 34, 4, 4),
        oval("dark", 118, 34, 4, 4),
    )


def turtle() -> tuple[Mark, ...]:
    return (
        shape("skin", (2, 62), (20, 56), (20, 70)),
        shape("skin", (22, 60), (44, 60), (40, 86), (24, 86)),
        shape("skin", (70, 60), (92, 60), (92, 86), (76, 86)),
        shape("skin", (88, 62), (104, 34), (120, 30), (132, 40), (128, 54), (112, 58), (100, 70)),
        shape("main", *arc((58, 64), (48, 54), 180, 360), (100, 70), (16, 70)),
        shape("light", (46, 24), (70, 24), (78, 44), (58, 54), (38, 44)),
        shape("shade", (24, 48), (34, 48), (46, 62), (18, 62)),
        shape("shade", (82, 48), (92, 48), (98, 62), (70, 62)),
        oval("dark", 120, 41, 3.5, 3.5),
    )


def whale() -> tuple[Mark, ...]:
    body = arc((52, 64), (50, 36), 120, 330)
    return (
        stroke("spray", 6, (40, 26), (40, 10), *arc((30, 10), (10, 9), 0, -150, 8)),
        stroke("spray", 6, (40, 26), (40, 10), *arc((50, 10), (10, 9), 180, 330, 8)),
        shape("main", *body, (108, 50), (112, 34), (126, 46), (118, 72), (88, 96), (30, 96)),
        shape("main", (104, 46), (86, 20), (104, 18), (114, 32), (124, 16), (142, 22), (122, 48)),
        shape("trim", (6, 76), (40, 78), (74, 92), (86, 97), (30, 96), (14, 88)),
        oval("trim", 24, 60, 5, 5),
        oval("dark", 24, 61, 3.2, 3.2),
        shape("shade", (48, 78), (74, 74), (64, 92)),
    )
