"""The screens as JSON, for programs: ``/api/v1/NAME`` answers with the model that the screen of that name shows."""

import json

from starlette.requests import Request
from starlette.responses import Response

from trapline_common.domain.errors import InputRefusedError, OtherReleaseError, TransientError
from trapline_common.ledger.views.screens.catalogue import SCREENS
from trapline_web.routes.site import Site


class Api:
    """Answers programs."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def screen(self, request: Request) -> Response:
        """Answer ``/api/v1/NAME``."""
        name = request.path_params["name"]
        if not request.state.entered:
            return _error(401, "give the token: `Authorization: Bearer TOKEN`")
        if name not in SCREENS:
            return _error(404, f"no such screen; they are {', '.join(SCREENS)}")
        try:
            found = await self._site.read(name, dict(request.query_params))
        except OtherReleaseError as error:
            return _error(503, str(error))
        except InputRefusedError as error:
            return _error(404 if str(error).startswith("no ") else 400, str(error))
        except TransientError as error:
            return _error(503, str(error))
        body = b"null" if found is None else SCREENS[name].answer.dump_json(found)
        return Response(body, media_type="application/json")


def _error(status: int, text: str) -> Response:
    return Response(json.dumps({"error": text}), status_code=status, media_type="application/json")
