"""The root of every error that followsuit raises on purpose."""


class FollowsuitError(Exception):
    """An error that the user can fix.

    The message names the offending value and says what to do. The command line prints it on one
    line and exits with 2. Any other exception is a bug and keeps its traceback.
    """
