"""What docs/channels.md says to write into a channels file is a channel."""

import re

import pytest

from tools.shell import ROOT
from trapline_common.local.channels import parse_channels
from trapline_common.local.secrets import LocalSecrets
from trapline_notifier.publishers.channels import Channels

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # an import of Apprise's

PAGE = (ROOT / "docs/channels.md").read_text()
ADDRESSES = [
    address
    for row in re.findall(r"^\|[^|]+\| (.*) \|$", PAGE, re.MULTILINE)
    for address in re.findall(r"`(\w+://[^`]+)`", row)
]
FLOW = "/workflows/8b1a9953c4611296a827abf8c47804d7/triggers/manual/paths/invoke?api-version=1&sig=aB3_x-9Y"
IN_PLACE_OF = {
    "xoxb-...": "xoxb-123456789012-1234567890123-abcDEF123abcDEF123abcDEF",
    "ADDRESS": "ops@example.com",
    "HOST": "example.com",
    "USER:PASSWORD": "me:p%40ss%3Aword",
    "BOT_TOKEN": "123456789:AAEhBOweik6ad2r_QMRyBGb6kZJ4eQ_abcd",
    "CHAT_ID": "12345678",
}
"""What a person writes where the page has a word in capitals; the other words are tokens of any letters."""


@pytest.mark.parametrize("address", ADDRESSES)
def test_each_address_is_one(address: str):
    """Filled in, every address of the table is known to Apprise."""
    for word, value in IN_PLACE_OF.items():
        address = address.replace(word, value)
    assert Channels({"it": address}).names == ("it",)


@pytest.mark.parametrize(
    "address",
    [
        "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        f"https://prod-12.westus.logic.azure.com:443{FLOW}",
    ],
)
def test_a_services_own_url_is_an_address_too(address: str):
    """What Slack and Teams show for copying works as it is."""
    assert Channels({"it": address}).names == ("it",)


async def test_the_example_is_a_file():
    """The first file of the page is read, and its secrets are variables of the environment."""
    text = re.search(r"```yaml\n(# \.trapline/channels\.yaml\n.*?)```", PAGE, re.DOTALL)
    assert text is not None
    environ = {
        "TRAPLINE_SECRET_SLACK_TOKEN": IN_PLACE_OF["xoxb-..."],
        "TRAPLINE_SECRET_TEAMS_WORKFLOW": f"https://prod-12.westus.logic.azure.com:443{FLOW}",
        "TRAPLINE_SECRET_MAIL_USER": "me",
        "TRAPLINE_SECRET_MAIL_PASSWORD": "secret",
    }
    found = await parse_channels(text[1], where="channels.yaml", secrets=LocalSecrets(environ, ROOT / "no-secrets"))
    assert Channels(found).names == ("slack", "teams", "mail")
