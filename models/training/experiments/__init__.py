"""The account's experiments again, one row of a plan each: plan -> (packs) -> run -> table."""


class ExperimentError(SystemExit):
    """An experiment cannot be run or shown; the message names the file or the row and says what to do, and
    the command ends with it where nobody catches it."""
