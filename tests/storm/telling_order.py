"""Whether a channel was told what happened, in the order in which it happened: worked out from the ledger's alerts."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from tests.storm.topic import Arrival

STATES = {"failure", "expectation", "blocked", "reminder", "recovery"}

Known = Mapping[int, tuple[str, int | None]]
"""Kind and page of every alert, by its id, which grows in the order in which things happened to a page."""


def out_of_order(arrived: Sequence[Arrival], alerts: Known, *, refused: Collection[int]) -> list[str]:
    """Return a sentence for each thing that a message told a channel wrong.

    A message whose alerts all arrived under its id before is a repeat. ``refused``: alerts that the channel does not
    take.
    """
    wrong: list[str] = []
    told: dict[int, str] = dict.fromkeys(refused, "")
    for arrival in arrived:
        if all(told.get(alert) == arrival.id for alert in arrival.alerts):
            continue
        again = [alert for alert in arrival.alerts if told.get(alert)]
        if again:
            wrong.append(f"alerts {again} were told by {told[again[0]]}, and again by {arrival.id}")
        by_page: dict[int, list[int]] = {}
        for alert in arrival.alerts:
            page = alerts[alert][1]
            if page is not None:
                by_page.setdefault(page, []).append(alert)
        for page, ids in by_page.items():
            wrong += _of_page(page, ids, arrival, told=told, alerts=alerts)
        if by_page and arrival.count != len(by_page):
            wrong.append(f"message {arrival.id} speaks of {arrival.count} pages, and is about {len(by_page)}")
        told |= dict.fromkeys(arrival.alerts, arrival.id)
    return wrong


def _of_page(
    page: int, ids: Sequence[int], arrival: Arrival, *, told: Mapping[int, str], alerts: Known
) -> Iterator[str]:
    """Yield what is wrong about one page in one message."""
    newest = max((alert for alert, by in told.items() if by and alerts[alert][1] == page), default=0)
    if max(ids) < newest:
        yield f"page {page}: alert {max(ids)} was told after {newest}"
    skipped = [alert for alert, (_, of) in alerts.items() if of == page and alert < min(ids) and alert not in told]
    if skipped:
        yield f"page {page}: alert {min(ids)} was told before {skipped}"
    last = max((alert for alert in ids if alerts[alert][0] in STATES), default=None)
    if last is not None and (arrival.kind == "recovery") != (alerts[last][0] == "recovery"):
        yield f"page {page}: {arrival.kind} was told, and its last word is {alerts[last][0]}"
