"""What forms do: each performs the command that a person would type, and says what the command said."""

import json
from collections.abc import Mapping, Sequence
from uuid import NAMESPACE_URL, uuid5

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trapline_common.domain.errors import TransientError
from trapline_web.ports import Actions, Outcome
from trapline_web.routes.form_fields import form_fields
from trapline_web.routes.site import Handler, Site, local_path

_DONE, _NOTHING_RUN = 0, 3
_ENDS = frozenset({"4h", "1d", "2d", "7d", "30d"})
"""For how long a form mutes; the command takes any time."""


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
            "/pages/{id:int}/visit": self.visit,
            "/pages/{id:int}/mute": self.mute_page,
            "/pages/{id:int}/unmute": self.unmute_page,
            "/pages/{id:int}/ack": self.acknowledge,
            "/pages/{id:int}/accept": self.accept,
            "/crawls/{name}/mute": self.mute_crawl,
            "/crawls/{name}/unmute": self.unmute_crawl,
            "/alerts/{id:int}/again": self.send_again,
            "/alerts/test": self.send_test,
        }

    async def run_now(self, request: Request) -> Response:
        """Open a run of a crawl now."""
        name = request.path_params["name"]
        command = ("run", "--json", "--request", await _order(request), "--", name)
        return await self._act(request, command, back=f"/crawls/{name}", opens_run=True)

    async def retry(self, request: Request) -> Response:
        """Put a run's failed tasks into a new run."""
        run = request.path_params["id"]
        command = ("retry", "--json", "--request", await _order(request), "--", str(run))
        return await self._act(request, command, back=f"/runs/{run}", opens_run=True)

    async def cancel(self, request: Request) -> Response:
        """End a run now."""
        run = request.path_params["id"]
        return await self._act(request, ("cancel", "--json", "--", str(run)), back=f"/runs/{run}")

    async def visit(self, request: Request) -> Response:
        """Visit one page now."""
        page = str(request.path_params["id"])
        command = ("visit", "--json", "--no-wait", "--", page)
        return await self._act(request, command, back=f"/pages/{page}", opens_run=True)

    async def mute_page(self, request: Request) -> Response:
        """Tell nobody of a page for a while."""
        return await self._mute(request, str(request.path_params["id"]), back=f"/pages/{request.path_params['id']}")

    async def mute_crawl(self, request: Request) -> Response:
        """Tell nobody of a crawl for a while."""
        return await self._mute(request, request.path_params["name"], back=f"/crawls/{request.path_params['name']}")

    async def unmute_page(self, request: Request) -> Response:
        """End a page's mute."""
        page = str(request.path_params["id"])
        return await self._act(request, ("unmute", "--json", "--", page), back=f"/pages/{page}")

    async def unmute_crawl(self, request: Request) -> Response:
        """End a crawl's mute."""
        name = request.path_params["name"]
        return await self._act(request, ("unmute", "--json", "--", name), back=f"/crawls/{name}")

    async def acknowledge(self, request: Request) -> Response:
        """Say that somebody knows that a page fails."""
        page = str(request.path_params["id"])
        reason = (await form_fields(request)).get("reason", "").strip()
        if not reason:
            return self._reason_missing(request, f"/pages/{page}")
        return await self._act(request, ("ack", "--json", f"--reason={reason}", "--", page), back=f"/pages/{page}")

    async def accept(self, request: Request) -> Response:
        """Make what a page shows its baseline."""
        page = str(request.path_params["id"])
        return await self._act(request, ("accept", "--json", "--", page), back=f"/pages/{page}")

    async def send_again(self, request: Request) -> Response:
        """Send an alert once more."""
        alert = str(request.path_params["id"])
        return await self._act(request, ("alert", "--json", f"--again={alert}"), back="/alerts")

    async def send_test(self, request: Request) -> Response:
        """Send a test alert through every channel."""
        return await self._act(request, ("alert", "--json", "--test"), back="/alerts")

    async def _mute(self, request: Request, target: str, *, back: str) -> Response:
        fields = await form_fields(request)
        until, reason = fields.get("until", ""), fields.get("reason", "").strip()
        if not reason or until not in _ENDS:
            return self._reason_missing(request, back)
        command = ("mute", "--json", f"--until={until}", f"--reason={reason}", "--", target)
        return await self._act(request, command, back=back)

    def _reason_missing(self, request: Request, back: str) -> Response:
        values = {
            "title": "It was not done",
            "lines": ("Say why, for whoever wonders; a mute has an end as well.",),
            "link": (local_path(back), "Back"),
        }
        return self._site.page(request, "plain.html", values, status=400)

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
            "fields": {},
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
        access = self._site.access
        if not access.begin(mark):
            led_to = local_path(access.led_to(mark) or back)
            if access.is_old(mark):
                return self._once_more(request, await form_fields(request), led_to)
            return RedirectResponse(led_to, status_code=303)
        response, found = await self._performed(request, actions, command, back=back, opens_run=opens_run)
        if found is None:
            access.forget(mark)
        else:
            access.finish(mark, found)
        return response

    def _once_more(self, request: Request, fields: Mapping[str, str], led_to: str) -> Response:
        """Ask somebody who came back to an old page whether what its form did is to be done again."""
        values = {
            "title": "This was done already",
            "lines": ("The page that you came back to was sent before. Nothing was done now.",),
            "link": (led_to, "See what came of it"),
            "action": request.url.path,
            "word": "Do it once more",
            "fields": {name: text for name, text in fields.items() if name != "mark"},
        }
        return self._site.page(request, "confirm.html", values, status=409)

    async def _performed(
        self, request: Request, actions: Actions, command: Sequence[str], *, back: str, opens_run: bool
    ) -> tuple[Response, str | None]:
        """Perform a command; return the answer, and where it leads: ``None`` where nothing was done."""
        try:
            outcome = await actions.perform(command)
        except TransientError as error:
            return self._site.message(request, "It was not done", str(error), status=503), None
        run = _run_of(outcome) if opens_run else None
        if outcome.exit in {_DONE, _NOTHING_RUN}:
            led_to = back if run is None else f"/runs/{run}"
            return RedirectResponse(local_path(led_to), status_code=303), led_to
        words = (outcome.err or outcome.out).strip().splitlines()[-3:] or [f"exit code {outcome.exit}"]
        values = {"title": "It was not done", "lines": words, "link": (local_path(back), "Back")}
        return self._site.page(request, "plain.html", values, status=409), None


async def _order(request: Request) -> str:
    """Return the id of the order that a form is: the ledger opens one run for it, also by a view that was restarted."""
    mark = (await form_fields(request)).get("mark", "")
    return str(uuid5(NAMESPACE_URL, f"{request.url.path} {mark}"))


def _run_of(outcome: Outcome) -> int | None:
    """Return the number of the run that the command opened, if it says one."""
    try:
        told = json.loads(outcome.out)
    except ValueError:
        return None
    number = told.get("run_id", told.get("run")) if isinstance(told, dict) else None
    return number if isinstance(number, int) else None
