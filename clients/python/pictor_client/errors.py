"""What can go wrong in asking a server."""

from pictor_client.models import Problem


class PictorError(Exception):
    """Any failure of this client's."""


class UnreachableError(PictorError):
    """No answer came: the server is not there, or took too long."""


class ProblemError(PictorError):
    """The server's answer is a problem; `code` is stable, for programs."""

    def __init__(self, problem: Problem, retry_after_s: float | None = None) -> None:
        super().__init__(f"{problem.status} {problem.code}: {problem.detail}")
        self.problem = problem
        self.retry_after_s = retry_after_s

    @property
    def code(self) -> str:
        return self.problem.code

    @property
    def status(self) -> int:
        return self.problem.status

    @property
    def request_id(self) -> str | None:
        """Finds the request in the server's log."""
        return self.problem.request_id
