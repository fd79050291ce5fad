"""From groups of pictures to triplets that a model can be trained on, in one command.

What belongs together is mined for pairs, each pair gets an instruction, and what has one is written
as shards. `out` then holds `shards/` and `report.json`: what was kept, what was dropped, and why.
A chat writer's answers are kept in `answers.jsonl` as they come, so that a run which is stopped and
started again asks nothing twice. Raises InputError for a run that finds nothing to write.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from models.encoders import DualEncoder
from models.errors import InputError
from models.files import write_whole
from training.config import Frozen, checked, read_toml
from training.state import Report
from training.triplets.chat_config import ChatWriterConfig, read_key
from training.triplets.chat_writer import ChatWriter
from training.triplets.group_sources import GroupInputs, group_sources
from training.triplets.instructions import InstructionWriter
from training.triplets.mining import Pair, mine
from training.triplets.mining_config import Mining
from training.triplets.shards import MANIFEST, NoTripletsError, Sharding, write_shards
from training.triplets.template_writer import TemplateWriter, TemplateWriterConfig
from training.triplets.triplet import Triplet

SHARDS, REPORT, ANSWERS = "shards", "report.json", "answers.jsonl"
AT_ONCE = 2048  # pairs that a writer is given

WriterConfig = Annotated[TemplateWriterConfig | ChatWriterConfig, Field(discriminator="kind")]


class TripletsConfig(Frozen):
    """`model` is the one whose embeddings say which pictures are related."""

    kind: Literal["triplets"]
    groups: GroupInputs
    mining: Mining = Mining()
    instructions: WriterConfig
    shards: Sharding = Sharding()


@dataclass(frozen=True)
class Instructed:
    """The pairs that get an instruction, as triplets, in order."""

    pairs: Sequence[Pair]
    writer: InstructionWriter
    report: Report

    def __iter__(self) -> Iterator[Triplet]:
        for at in range(0, len(self.pairs), AT_ONCE):
            batch = self.pairs[at : at + AT_ONCE]
            said = self.writer.write([(p.query.described, p.target.described) for p in batch])
            for pair, instruction in zip(batch, said, strict=True):
                if instruction is not None:
                    yield _triplet(pair, instruction)
            self.report(f"instructions asked for {at + len(batch)} of {len(self.pairs)} pairs")


@dataclass
class Counted:
    """Triplets, and how many have been taken so far."""

    triplets: Iterable[Triplet]
    count: int = 0

    def __iter__(self) -> Iterator[Triplet]:
        for triplet in self.triplets:
            self.count += 1
            yield triplet


def read_triplets_config(path: Path) -> TripletsConfig:
    return checked(path, read_toml(path), TripletsConfig)


def make_triplets(config: TripletsConfig, encoder: DualEncoder, report: Report) -> dict[str, Any]:
    """Mine, write, and put into shards; returns what `report.json` says."""
    if (config.out / SHARDS / MANIFEST).exists():
        raise InputError(f"{config.out / SHARDS}: has finished shards already: give another `out`")
    config.out.mkdir(parents=True, exist_ok=True)
    sources = group_sources(config.groups, config.data)
    mined = mine(sources, encoder, config.mining)
    report(f"{len(mined.pairs)} pairs")
    writer = _writer(config)
    written = Counted(Instructed(mined.pairs, writer, report))
    try:
        write_shards(written, config.out / SHARDS, config.shards)
    except NoTripletsError as error:
        refused = ", ".join(f"{reason} {count}" for reason, count in writer.refused.items())
        raise InputError(
            f"{error}: {len(mined.pairs)} pairs; without an instruction: {refused or 'none'}; "
            f"{config.out / REPORT} says what was dropped"
        ) from error
    finally:
        content = {
            "triplets": written.count,
            "mined": mined.report.content(),
            "without_instruction": dict(writer.refused),
        }
        if isinstance(writer, ChatWriter):
            content["cost"] = writer.cost
        write_whole(config.out / REPORT, (json.dumps(content, indent=2) + "\n").encode())
    return content


def _writer(config: TripletsConfig) -> InstructionWriter:
    if isinstance(config.instructions, TemplateWriterConfig):
        return TemplateWriter(config.instructions)
    key = read_key(config.instructions, os.environ)
    return ChatWriter(config.instructions, config.out / ANSWERS, key=key)


def _triplet(pair: Pair, instruction: str) -> Triplet:
    return Triplet(
        query=pair.query.read(),
        target=pair.target.read(),
        instruction=instruction,
        ids=(pair.query.id, pair.target.id),
        source=pair.group,
        negatives=tuple(negative.read() for negative in pair.negatives),
    )
