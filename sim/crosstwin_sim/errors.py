"""Errors whose text is a sentence for the person at the keyboard."""

from __future__ import annotations


class CrosstwinError(Exception):
    """Something the user can put right: bad input, a missing tool, a folder that cannot be written.

    The text is one sentence that names the value and what is allowed. The command line prints it without a traceback and exits
    with code 2.
    """
