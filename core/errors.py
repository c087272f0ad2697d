"""The root of every error that followsuit raises on purpose."""


class FollowsuitError(Exception):
    """A fault that the user can mend.

    The message names the offending value and says what to do. The command line prints it in one
    line and exits with 2; anything else that escapes is a bug and keeps its traceback.
    """
