"""The characters that a page may write and no reader may be shown: one list for terminals, emails and chats."""

import re

INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)
"""Control, zero-width and direction characters: they move a cursor, or hide or reorder text. And what no XML may hold:
U+FFFE, U+FFFF and lone surrogates, of which one makes a whole feed unreadable."""
