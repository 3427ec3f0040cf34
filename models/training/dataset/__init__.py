"""From raw pictures to what a net learns from: build -> (train) -> review -> build again."""


class DatasetError(SystemExit):
    """A data set cannot be built or reviewed; the message names the file and says what to do, and
    the command ends with it where nobody catches it."""
