"""What the server says no with. The wire adds the product's prefix to the text."""

PRIVATE = 5064  # the code most refusals of BACKUP, RESTORE and repositories carry on Doris 3 and later
SYNTAX, UNKNOWN_DATABASE, UNKNOWN_TABLE, NO_DATABASE = 1105, 1049, 1051, 1046


class Refused(Exception):
    """A statement answered with an error."""

    def __init__(self, text: str, code: int = PRIVATE) -> None:
        super().__init__(text)
        self.text, self.code = text, code


class ConnectionCut(Exception):
    """The connection is closed without an answer."""


def unknown_database(name: str) -> Refused:
    return Refused(f"Unknown database '{name}'", UNKNOWN_DATABASE)


def unknown_table(name: str) -> Refused:
    return Refused(f"Unknown table '{name}'", UNKNOWN_TABLE)
