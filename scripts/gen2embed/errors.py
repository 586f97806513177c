"""Exceptions that are no defects: what the user can mend, and a stop that was asked for."""


class InputError(Exception):
    """Bad input: the message is one line that names the file, the row and the remedy.

    Programs turn it into that line on stderr and exit status 2 (see ``command_line.run_program``).
    """

    def __init__(self, message: str):
        super().__init__(" ".join(str(message).split()))


class Stopped(Exception):
    """The work was told to stop and has saved where it is: the message is one line."""
