"""Workers by what a cluster's machines have."""

import pytest

from index.engines.plan import Node, Workers, plan
from models.errors import EngineError


def test_a_core_without_gpus_reads_and_embeds() -> None:
    found = plan([Node(1), Node(1)], None, None)
    assert (found.read, found.embed) == (Workers(2, 0.25), Workers(2, 0.25))
    assert (found.device, found.threads, found.rows) == ("cpu", 1, 128)


def test_threads_of_one_machine_share_a_copy_of_the_model() -> None:
    found = plan([Node(8), Node(4)], None, None)
    assert (found.read, found.embed, found.threads) == (Workers(12, 0.25), Workers(3, 1.0), 4)


def test_a_machine_that_is_smaller_than_the_others_has_room_for_a_copy_too() -> None:
    assert plan([Node(16), Node(2)], None, None).embed == Workers(9, 0.5)


@pytest.mark.parametrize(
    "nodes", [[Node(1)], [Node(2), Node(3)], [Node(7), Node(1)], [Node(64)], [Node(16, 2), Node(4)]]
)
def test_half_of_what_there_is_stays_free_for_the_workers_of_a_machine_that_dies(
    nodes: list[Node],
) -> None:
    found = plan(nodes, None, None)
    cores = found.read.count * found.read.cpus + found.embed.count * found.embed.cpus
    assert cores <= sum(node.cpus for node in nodes) / 2
    assert found.embed.count * found.embed.gpus <= sum(node.gpus for node in nodes)


def test_every_gpu_embeds_and_the_other_cores_read() -> None:
    found = plan([Node(16, 2), Node(8)], None, None)
    assert (found.read, found.embed) == (Workers(22, 0.5), Workers(2, 0.5, 1, retries=0))
    assert (found.device, found.rows) == ("cuda", 1024)


def test_gpus_are_left_alone_where_the_cpu_was_asked_for() -> None:
    assert plan([Node(4, 1)], "cpu", None).embed == Workers(1, 1.0)


def test_an_embedding_worker_is_given_several_batches_of_the_size_that_was_asked_for() -> None:
    assert plan([Node(4)], None, 8).rows == 32


def test_a_machine_without_cores_has_no_workers() -> None:
    assert plan([Node(0), Node(2)], None, None).read.count == 2


@pytest.mark.parametrize(
    ("nodes", "device", "says"),
    [([Node(4)], "cuda", "no machine of the cluster has a GPU"), ([Node(0)], None, "no CPU")],
)
def test_what_is_not_there_is_refused(nodes: list[Node], device: str | None, says: str) -> None:
    with pytest.raises(EngineError, match=says):
        plan(nodes, device, None)
