"""The end of a server's life, as its parts see it: once begun, what is new is refused."""


class Drain:
    def __init__(self) -> None:
        self.begun = False

    def begin(self) -> None:
        self.begun = True
