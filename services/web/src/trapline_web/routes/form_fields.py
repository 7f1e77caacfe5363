"""The fields of a form, as browsers send the forms of this view."""

from urllib.parse import parse_qsl

from starlette.requests import Request

_KIND = "application/x-www-form-urlencoded"
_MOST_FIELDS = 50


async def form_fields(request: Request) -> dict[str, str]:
    """Return the fields by name, none for a body that is no form. ``Guard`` bounds the body."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _KIND:
        return {}
    try:
        return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}
