"""A message that is sent without a word said, as the provider saw it."""

import pytest

from conftest import MESSAGE

BOB = "bob@example.org"
ANNA = "anna@example.org"  # in MESSAGE's To


@pytest.fixture
def send(orsino, rogue, ini):
    """Runs orsino with these words, which must succeed, and gives the session of the server."""

    def run(*words, message=MESSAGE, keywords=None, changes=None, **more):
        server = rogue(keywords=keywords)
        orsino.run(*words, ini=ini(server.port, **(changes or {})), message=message, **more).succeeded()
        return server.session

    return run


def reverse_path(session):
    return session.command("MAIL").removeprefix("MAIL FROM:<").partition(">")[0]
