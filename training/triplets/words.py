"""English as captions use it: the closed word classes, colours, numbers and media.

Written by hand for captions of pictures; a word that is in none of the lists is taken as one that
names or describes a thing. plural(word), singular(word), participle(verb) go by spelling.
"""

import re


def vocabulary(text: str) -> frozenset[str]:
    return frozenset(text.split())


NUMBERS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "a": 1,
    "an": 1,
    "another": 1,
    "2": 2,
    "3": 3,
    "4": 4,
    "5": 5,
}
SINGULAR = frozenset({"a", "an", "another", "one", "this", "that", "each", "every"})
SEVERAL = frozenset({"several", "some", "many", "few", "numerous", "multiple", "various", "a few"})
OWNERS = frozenset({"his", "her", "its", "their", "my", "your", "our"})
DETERMINERS = (
    frozenset({"the", "these", "those", "all", "both", "no", "other"})
    | SINGULAR
    | SEVERAL
    | OWNERS
    | frozenset(NUMBERS)
)

# where a thing is, rather than where it goes
PLACES = vocabulary(
    "in on at near by under beside behind inside outside around against beneath between along among"
    " underneath amid atop"
)
PREPOSITIONS = PLACES | vocabulary(
    "with of from to into onto over through across above below during after before off up down"
    " toward towards past like for without within upon about out via as next than away"
)
OTHERS = vocabulary(
    # conjunctions and relatives
    "and or but while that who which where when because so if then whose what whilst"
    # auxiliaries
    " is are was were be been being am has have had does do did can could will would may might"
    # pronouns
    " it he she they him them himself herself itself themselves something someone others i you we"
    # adverbs
    " very quickly together there here not also just still back outdoors indoors upside alone"
    " nearby downhill alongside halfway high low close fast slowly happily too only ahead forward"
    " home mid apparently asleep awake barefoot"
)
CLOSED = DETERMINERS | PREPOSITIONS | OTHERS

COLOURS = vocabulary(
    "black white brown red blue green yellow orange pink purple grey gray tan golden blond blonde"
    " beige silver gold maroon turquoise cream"
)

ADJECTIVES = vocabulary(
    "large small big little young old older tall short long white black wooden metal red blue green"
    " yellow"
)

# what a picture is, the words for it first; "photo" is what it is where nothing is said
MEDIA = {
    "photo": ("photo", "photograph", "photography", "snapshot"),
    "sketch": ("sketch", "pencil sketch", "pencil drawing"),
    "line drawing": ("line drawing", "ink drawing", "line art", "outline"),
    "drawing": ("drawing", "crayon drawing", "chalk drawing"),
    "cartoon": ("cartoon", "comic", "anime", "cartoon drawing"),
    "painting": ("painting", "art painting", "oil painting", "oil portrait", "acrylic painting"),
    "watercolour": ("watercolour", "watercolor", "watercolour painting", "watercolor painting"),
    "illustration": ("illustration", "flat illustration", "vector illustration", "digital art"),
    "piece of clip art": ("clip art", "clipart", "piece of clip art"),
    "piece of pixel art": ("pixel art", "piece of pixel art", "pixel art picture"),
    "paper cut-out": ("paper cut-out", "paper cutout", "paper cut-out picture"),
    "poster": ("poster", "flat poster"),
    "sculpture": ("sculpture", "statue", "figurine", "carving"),
    "toy": ("toy", "plush toy", "plushie"),
    "tattoo": ("tattoo",),
    "mosaic": ("mosaic",),
    "engraving": ("engraving", "etching", "woodcut"),
    "3d rendering": ("3d rendering", "3d render", "rendering"),
    "black and white photo": ("black and white photo", "black and white photograph"),
}
MEDIUM_OF = {word: medium for medium, words in MEDIA.items() for word in words}
PICTURE_WORDS = frozenset({"picture", "image", "shot", "view", "closeup", "close-up", "pic"})

PLURALS = frozenset({"people", "men", "women", "children", "policemen", "firemen", "feet", "teeth"})
IRREGULAR = {
    "people": "person",
    "men": "man",
    "women": "woman",
    "children": "child",
    "leaves": "leaf",
    "puppies": "puppy",
    "feet": "foot",
}
MASS = vocabulary(
    "snow water grass sand food air ice mud dirt rain wood sunlight hay fire smoke sea ocean"
    " clothing equipment music jewelry tennis soccer football basketball baseball hockey makeup"
    " traffic luggage graffiti surf fog beer wine pizza bread corn paint hair fur"
)
ENDS_IN_S = vocabulary("tennis grass glass bus dress cross class lens chess gymnastics sports")
ENDS_IN_ED = vocabulary(
    "speed moped breed steed seaweed toolshed bobsled dogsled flowerbed hundred"
)
ENDS_IN_ING = vocabulary(
    "building railing clothing ring string king wing ceiling swing morning evening painting drawing"
    " wedding spring lightning sling bedding engraving carving crossing sibling frosting thing"
    " awning piercing"
)
# the bare forms of verbs that captions put straight after a plural, or after "the ..."
VERBS = vocabulary(
    "run play walk sit stand jump ride look swim hold wear watch pose climb race fight smile wait"
    " throw catch eat chase lie lay lean dance perform carry talk gather work sleep drink ski"
    " wrestle leap bite pull push kick hike surf paddle row fly stare laugh share enjoy compete"
    " dig relax skate tackle hug splash drive try hang make take get go hit prepare chew drag bark"
    " tug blow put launch"
)
# participles that say enough alone
INTRANSITIVE = vocabulary(
    "running jumping swimming sleeping playing fighting dancing sitting standing walking wrestling"
    " hugging smiling laughing eating climbing surfing flying barking racing resting skiing diving"
    " skateboarding snowboarding jogging drinking kissing singing"
)

# words that may speak of the same thing, so that one is no change from the other
_KINDRED = tuple(
    frozenset(words.split())
    for words in (
        "person man guy male adult someone player biker skier cyclist climber surfer worker",
        "person woman lady female adult someone player biker skier cyclist climber surfer worker",
        "person boy child kid toddler baby youth player skateboarder",
        "person girl child kid toddler baby youth player",
        "dog puppy animal greyhound terrier poodle collie retriever dalmatian",
        "bike bicycle bmx motorcycle motorbike dirtbike",
        "water ocean sea lake river pool pond surf wave stream",
        "shirt t-shirt tshirt jersey top outfit clothing",
        "jacket coat",
        "grass field lawn meadow yard park",
        "road street path sidewalk pavement",
        "beach shore sand",
        "group crowd couple person man woman boy girl child kid",
        "mountain hill cliff rock",
        "hat cap helmet",
        "ball football soccer basketball baseball",
    )
)
_NONE: frozenset[int] = frozenset()
_GROUPS_OF = {
    word: frozenset(at for at, group in enumerate(_KINDRED) if word in group)
    for word in frozenset[str]().union(*_KINDRED)
}


def plural(word: str) -> bool:
    if word in PLURALS:
        return True
    return (
        "'" not in word
        and word.endswith("s")
        and not word.endswith(("ss", "us", "is"))
        and word not in ENDS_IN_S
    )


def singular(word: str) -> str:
    if word in IRREGULAR:
        return IRREGULAR[word]
    if not plural(word):
        return word
    return _without_s(word)


def participle(verb: str) -> str:
    """Of a verb as it stands after its subject: "runs" or "run" -> "running"."""
    base = _without_s(verb) if verb.endswith("s") and not verb.endswith("ss") else verb
    if base.endswith("ie"):
        return f"{base[:-2]}ying"
    if base.endswith("e") and not base.endswith(("ee", "oe", "ye")):
        return f"{base[:-1]}ing"
    if re.fullmatch(r"(?:[^aeiou]|qu)*[aeiou][^aeiouwxy]", base):
        return f"{base}{base[-1]}ing"
    return f"{base}ing"


def kindred(one: str, other: str) -> bool:
    """Whether two nouns may name the same thing."""
    one, other = singular(one), singular(other)
    return one == other or not _GROUPS_OF.get(one, _NONE).isdisjoint(_GROUPS_OF.get(other, _NONE))


def _without_s(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("ches", "shes", "sses", "xes", "zzes")):
        return word[:-2]
    return word[:-1]
