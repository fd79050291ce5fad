"""Instructions as published evaluations word them.

instruction("circo", concept="dog", change="is running") -> "find dog but is running". Raises
InputError for an unknown template, or words that do not fill it. Source: the evaluation code of
MagicLens (Zhang et al., ICML 2024).
"""

import string

from models.errors import InputError

TEMPLATES = {
    "circo": "find {concept} but {change}",
    "dtin": "find this object in {domain}",
}


def instruction(template: str, **words: str) -> str:
    if template not in TEMPLATES:
        raise InputError(f"template {template!r}: expected one of {', '.join(TEMPLATES)}")
    wanted = {name for _, name, _, _ in string.Formatter().parse(TEMPLATES[template]) if name}
    if words.keys() != wanted:
        raise InputError(
            f"template {template}: expected {', '.join(sorted(wanted))}, "
            f"got {', '.join(sorted(words)) or 'nothing'}"
        )
    return TEMPLATES[template].format(**words)
