"""The one exception that means "the user can mend this"."""


class InputError(Exception):
    """Bad input: the message is one line that names the file, the row and the remedy.

    Programs turn it into that line on stderr and exit status 2 (see ``program.run_program``).
    """

    def __init__(self, message: str):
        super().__init__(" ".join(str(message).split()))
