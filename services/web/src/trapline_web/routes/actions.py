"""What forms do: each performs the command that a person would type, and says what the command said."""

import json
from collections.abc import Sequence
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trapline_common.domain.errors import TransientError
from trapline_web.ports import Actions, Outcome
from trapline_web.routes.form_fields import form_fields
from trapline_web.routes.site import Handler, Site, local_path

_DONE, _NOTHING_RUN = 0, 3


class Forms:
    """Answers forms. One that was sent twice acts once, and leads both times to the same place."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def handlers(self) -> dict[str, Handler]:
        """Return each address with its handler; all of them are POST."""
        return {
            "/crawls/{name}/run": self.run_now,
            "/runs/{id:int}/retry": self.retry,
            "/runs/{id:int}/cancel": self.cancel,
        }

    async def run_now(self, request: Request) -> Response:
        """Open a run of a crawl now."""
        name = request.path_params["name"]
        command = ("run", "--json", "--request", str(uuid4()), "--", name)
        return await self._act(request, command, back=f"/crawls/{name}", opens_run=True)

    async def retry(self, request: Request) -> Response:
        """Put a run's failed tasks into a new run."""
        run = request.path_params["id"]
        return await self._act(
            request, ("retry", "--json", "--request", str(uuid4()), "--", str(run)), back=f"/runs/{run}", opens_run=True
        )

    async def cancel(self, request: Request) -> Response:
        """End a run now."""
        run = request.path_params["id"]
        return await self._act(request, ("cancel", "--json", "--", str(run)), back=f"/runs/{run}")

    async def confirm_cancel(self, request: Request) -> Response:
        """Ask before a run is cancelled."""
        run = request.path_params["id"]
        values = {
            "title": f"Cancel run {run}?",
            "lines": (
                "Its tasks that are not done end failed, with the reason cancelled, and cause no alert.",
                "A retry puts them into a new run.",
            ),
            "link": (f"/runs/{run}", "No, let it go on"),
            "action": f"/runs/{run}/cancel",
            "word": f"Cancel run {run}",
        }
        return self._site.page(request, "confirm.html", values)

    async def _act(self, request: Request, command: Sequence[str], *, back: str, opens_run: bool = False) -> Response:
        actions = self._site.actions
        if actions is None:
            return self._site.message(
                request, "This view is for looking only", "It was started with --read-only.", status=403
            )
        mark = (await form_fields(request)).get("mark", "")
        if not self._site.access.is_form(mark):
            return self._site.message(
                request, "This form is not of this view", "Go back, load the page again, and try once more.", status=403
            )
        if not self._site.access.begin(mark):
            return RedirectResponse(local_path(self._site.access.led_to(mark) or back), status_code=303)
        response, led_to = await self._performed(request, actions, command, back=back, opens_run=opens_run)
        self._site.access.finish(mark, led_to)
        return response

    async def _performed(
        self, request: Request, actions: Actions, command: Sequence[str], *, back: str, opens_run: bool
    ) -> tuple[Response, str]:
        try:
            outcome = await actions.perform(command)
        except TransientError as error:
            return self._site.message(request, "It was not done", str(error), status=503), back
        run = _run_of(outcome) if opens_run else None
        if outcome.exit in {_DONE, _NOTHING_RUN}:
            led_to = back if run is None else f"/runs/{run}"
            return RedirectResponse(local_path(led_to), status_code=303), led_to
        words = (outcome.err or outcome.out).strip().splitlines()[-3:] or [f"exit code {outcome.exit}"]
        values = {"title": "It was not done", "lines": words, "link": (local_path(back), "Back")}
        return self._site.page(request, "plain.html", values, status=409), back


def _run_of(outcome: Outcome) -> int | None:
    """Return the number of the run that the command opened, if it says one."""
    try:
        told = json.loads(outcome.out)
    except ValueError:
        return None
    number = told.get("run_id") if isinstance(told, dict) else None
    return number if isinstance(number, int) else None
