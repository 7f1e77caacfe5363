"""Secrets of one machine: an environment variable, else a file."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from trapline_common.domain.errors import SecretUnreadableError

ENV_PREFIX = "TRAPLINE_SECRET_"


class LocalSecrets:
    """A ``SecretSource``: ``${secret:site-login}`` is ``TRAPLINE_SECRET_SITE_LOGIN``, else ``<folder>/site-login``.

    In the variable's name letters are capitals and everything but letters and digits is ``_``. Of a file, one line end
    at its end is not part of the secret. A set but empty variable is an empty secret.
    """

    __slots__ = ("_environ", "_folder")

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self._environ = environ
        self._folder = folder

    async def resolve(self, name: str) -> str:
        """Return the secret's value. Raises ``KeyError`` when there is none; no name leads out of the folder.

        ``SecretUnreadableError``: the file may not be read, is a folder, or is no UTF-8.
        """
        value = self._environ.get(ENV_PREFIX + re.sub(r"[^A-Z0-9]", "_", name.upper()))
        if value is not None:
            return value
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise KeyError(name)
        try:
            text = await asyncio.to_thread((self._folder / path).read_text, encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise KeyError(name) from error
        except OSError as error:
            raise SecretUnreadableError(name, f"its file can't be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise SecretUnreadableError(name, "its file is not UTF-8") from error
        except ValueError as error:  # a name that no file can have
            raise KeyError(name) from error
        return text.removesuffix("\n").removesuffix("\r")
