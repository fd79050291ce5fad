"""What a user says of how sources are read."""

from dataclasses import dataclass, field
from pathlib import Path

from index.sourcing.addresses import Guard
from index.sourcing.fetching import Fetcher, FetchLimits
from index.sourcing.table_source import TableColumns


@dataclass(frozen=True)
class SourceOptions:
    columns: TableColumns = field(default_factory=TableColumns)
    allowed_hosts: frozenset[str] = frozenset()  # that are not public, and may be fetched from
    fetching: FetchLimits = field(default_factory=FetchLimits)
    pictures: Path | None = None  # where the paths beside vectors lead; None: the vectors' folder

    def fetcher(self) -> Fetcher:
        allowed = frozenset(host.lower() for host in self.allowed_hosts)
        return Fetcher(Guard(allowed), self.fetching)
