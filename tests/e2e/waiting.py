"""Waiting for an event that another process brings about."""

import time


def wait_for(predicate, seconds, what):
    """The first true value of predicate(); a failure that says what was waited for, after so many seconds."""
    end = time.monotonic() + seconds
    while not (value := predicate()):
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.01)
    return value
