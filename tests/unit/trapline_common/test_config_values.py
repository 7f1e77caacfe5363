"""Durations, comparisons, URLs, schedules and secret references, one value at a time."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapline_common.config.comparison import check, parse_comparison
from trapline_common.config.durations import format_duration, parse_duration
from trapline_common.config.number import DecimalSign, decimal_sign, find_number
from trapline_common.config.schedule import check_schedule
from trapline_common.config.secrets import malformed, secret_names
from trapline_common.config.urls import MAX_URL_BYTES, normalise_url


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("150ms", 0.15),
        ("30s", 30),
        ("5m", 300),
        ("24h", 86_400),
        ("2d", 172_800),
        ("1.5h", 5400),
        (7, 7),
        ("7", 7),
        (0, 0),
    ],
)
def test_durations(value: object, seconds: float) -> None:
    """A duration is read as exactly the seconds it names."""
    assert parse_duration(value) == seconds


@pytest.mark.parametrize(
    "value", ["", "-1s", "1e3", "s", "1 week", "1h30m", -1, True, None, float("nan"), float("inf"), "9" * 400]
)
def test_bad_durations(value: object) -> None:
    """Anything else is refused with what is valid."""
    with pytest.raises(ValueError, match="such as 150ms, 30s"):
        parse_duration(value)


@given(st.floats(0, 1e9) | st.integers(0, 10**7).map(float) | st.integers(0, 10**7).map(lambda number: number / 1000))
def test_a_formatted_duration_reads_back(seconds: float) -> None:
    """What `trapline config` prints is exactly what was meant."""
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("$1,299.00", "1299"),
        ("1.299,00 €", "1299"),
        ("1 299,50 €", "1299.5"),
        ("1\u00a0299,50", "1299.5"),
        ("CHF 1'299.-", "1299"),
        ("₹1,23,456", "123456"),
        ("49,90", "49.9"),
        ("0,500", "0.5"),
        ("1.299,- €", "1299"),
        ("1.299,\u2013 €", "1299"),
        ("1.299,-- EUR", "1299"),
        ("1299:-", "1299"),
        ("1.299.-", "1299"),
        ("12.999 kr", "12999"),
        ("kr 12.999,-", "12999"),
        ("12 999,50 K\u010d", "12999.5"),
        ("R$ 1.299", "1299"),
        ("$1,299", "1299"),
        ("£1.299", "1.299"),
        ("\uff11\uff0c\uff12\uff19\uff19\u5186", "1299"),
        ("\u0660\u066b\u0665", "0.5"),
        ("\u0661\u066c\u0662\u0669\u0669\u066b\u0665\u0660 \u0631.\u0633", "1299.5"),
        ("\u0661\u066b\u0662\u0669\u0669", "1.299"),
        ("\u06f1\u06f2\u06f3\u06f4", "1234"),
        ("\u0967,\u0968\u0969,\u096a\u096b\u096c", "123456"),
        ("(1,299.00)", "-1299"),
        ("($5)", "-5"),
        ("12,50-", "-12.5"),
        ("-€5", "-5"),
        ("€ -5", "-5"),
        ("+5", "5"),
        ("reviews (128)", "128"),
        ("1234.567", "1234.567"),
        ("0.299", "0.299"),
        ("12.10.2024", "12.1"),
        ("1.299,00 instead of 1.499,00", "1299"),
        ("1.234.567", "1234567"),
        ("v1.2.3", "1.2"),
        ("-5", "-5"),
        ("\u2212$5.5", "-5.5"),
        ("10-5", "10"),
        (".5", "0.5"),
        ("from 3 to 7", "3"),
        ("Shirt - $25", "25"),
        ("Now \u2014 25.00", "25"),
        ("- 5 \u00b0C", "-5"),
        ("Total: - 5", "-5"),
        ("10 Mio. \u20ac", "10000000"),
        ("1,2 Mrd. \u20ac", "1200000000"),
        ("2.5 million", "2500000"),
        ("\u20ac5bn", "5000000000"),
        ("1.2\u4e07\u5143", "12000"),
        ("5 M", "5"),
        ("16GB", "16"),
        ("5 minutes", "5"),
        ("Sold out", None),
        ("", None),
    ],
)
def test_numbers_in_text(text: str, number: str | None) -> None:
    """The first number is found however its thousands and decimals are written."""
    found = find_number(text)
    assert (None if found is None else found.values) == (None if number is None else (Decimal(number),))


@pytest.mark.parametrize(
    ("text", "sign", "values"),
    [
        ("1.299", None, ("1299", "1.299")),
        ("1,299", None, ("1299", "1.299")),
        ("$1.299", None, ("1299", "1.299")),
        ("10.000 €", None, ("10000", "10")),
        ("1.299", ",", ("1299",)),
        ("1.299", ".", ("1.299",)),
        ("1,299", ",", ("1.299",)),
        ("1,299", ".", ("1299",)),
        ("(128)", None, ("128", "-128")),
        ("2.5k", None, ("2.5", "2500")),
        ("1.5M views", None, ("1.5", "1500000")),
        ("4K", None, ("4", "4000")),
    ],
)
def test_numbers_that_can_mean_two_things(text: str, sign: DecimalSign | None, values: tuple[str, ...]) -> None:
    """Thousands and decimals that look alike are both, until the page or the crawl says how it writes numbers."""
    found = find_number(text, sign)
    assert found is not None
    assert tuple(map(float, found.values)) == tuple(map(float, values))


@pytest.mark.parametrize(
    ("number_format", "language", "sign"),
    [
        (None, "de", ","),
        (None, "de-CH", "."),
        (None, "de_AT", ","),
        (None, "en-US", "."),
        (None, "pt-BR", ","),
        (None, "es", ","),
        (None, "es-MX", "."),
        (None, "es-419", None),
        (None, "zh-Hant-TW", "."),
        (None, "tlh", None),
        (None, "", None),
        (None, None, None),
        ("1.234,56", "en", ","),
        ("1'234.56", "de", "."),
        ("1 234,56", None, ","),
    ],
)
def test_the_sign_before_the_decimals(number_format: str | None, language: str | None, sign: str | None) -> None:
    """The crawl's setting decides, else the page's language, else nobody."""
    assert decimal_sign(number_format, language) == sign


@pytest.mark.parametrize(
    ("comparison", "value", "sign", "complaint"),
    [
        ("< 500", "1.299,- €", None, "found '1.299,- €', expected < 500"),
        ("< 500", "1.299", None, "in doubt: '1.299' is 1299 or 1.299; set `number_format`; expected < 500"),
        ("< 500", "1.299", ".", None),
        ("< 500", "1.299", ",", "found '1.299', expected < 500"),
        ("< 5000", "1.299", None, None),
        ("> 5000", "1.299", None, "found '1.299', expected > 5000"),
        ("< 500", "2.5k", None, "in doubt: '2.5k' is 2.5 or 2500.0; take what is meant by a `pattern`; expected < 500"),
        ("== 1299", "1.299", None, "in doubt: '1.299' is 1299 or 1.299; set `number_format`; expected == 1299"),
        ("!= 1299", "1.299", None, "in doubt: '1.299' is 1299 or 1.299; set `number_format`; expected != 1299"),
        ("== 1.299", "1.299", None, None),
        ("not_contains Sold out", "In stock", None, None),
        ("not_contains Sold out", "Sold  out", None, "found 'Sold out', expected not_contains Sold out"),
    ],
)
def test_in_doubt_an_expectation_is_not_met(
    comparison: str, value: str, sign: DecimalSign | None, complaint: str | None
) -> None:
    """Where both readings agree there is no doubt; where they do not, the reason says so."""
    assert check(parse_comparison(comparison), value, sign=sign) == complaint


@pytest.mark.parametrize(
    ("comparison", "value", "reason"),
    [
        ("< 50", "$49.99", None),
        ("< 50", "$50.00", "found '$50.00', expected < 50"),
        ("<= $1,000", "1000", None),
        (">= 3", "2 left", "found '2 left', expected >= 3"),
        ("> -1", "0", None),
        ("< 50", "Sold out", "no number in 'Sold out', expected < 50"),
        ("< 50", None, "not found, expected < 50"),
        ("== 50", "$50.00", None),
        ("50", "50", None),
        ("== Sold out", " Sold\n out ", None),
        ("== Sold out", "sold out", "found 'sold out', expected == Sold out"),
        ("!= Sold out", "In stock", None),
        ("!= 50", "50.0", "found '50.0', expected != 50"),
        ("contains per month", "$5 per\nmonth", None),
        ("contains < 5", "is < 5 now", None),
        ("contains x", "", "found '', expected contains x"),
        ("matches ^v\\d+$", "v12", None),
        ("matches ^v\\d+$", "12", "found '12', expected matches ^v\\d+$"),
        ("containsx", "containsx", None),
    ],
)
def test_comparisons(comparison: str, value: str | None, reason: str | None) -> None:
    """A comparison holds, or says in one line what was found and what was expected."""
    assert check(parse_comparison(comparison), value) == reason


@pytest.mark.parametrize("text", ["", "<", "=< 5", "= 5", "<> 5", "~ x", "< abc", ">= ", "matches (", "contains"])
def test_bad_comparisons(text: str) -> None:
    """A comparison with a slip in it is refused, never taken for text to compare with."""
    with pytest.raises(ValueError, match=r"compar|number|bad pattern"):
        parse_comparison(text)


@given(st.text(), st.sampled_from(["<", "<=", ">", ">="]), st.decimals(-1000, 1000, places=2))
def test_comparing_never_fails(value: str, operator: str, number: Decimal) -> None:
    """For any text of a page a comparison gives a verdict of one line."""
    reason = check(parse_comparison(f"{operator} {number}"), value)
    assert reason is None or "\n" not in reason


@given(st.decimals(-(10**6), 10**6, places=2), st.decimals(-(10**6), 10**6, places=2))
def test_order_agrees_with_the_numbers(value: Decimal, operand: Decimal) -> None:
    """A formatted price compares as its number does."""
    assert (check(parse_comparison(f"< {operand}"), f"{value:,}") is None) is (value < operand)
    assert (check(parse_comparison(f"== {operand}"), f"{value:,}") is None) is (value == operand)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("HTTP://Example.COM:80", "http://example.com/"),
        ("https://example.com:443/a?#top", "https://example.com/a"),
        ("https://example.com:8443/a", "https://example.com:8443/a"),
        (" https://example.com/a b ", "https://example.com/a%20b"),
        ("https://bücher.example/ä?q=ü", "https://xn--bcher-kva.example/%C3%A4?q=%C3%BC"),
        ("https://e.com/%7euser/%e4%2f", "https://e.com/~user/%E4%2F"),
        ("https://e.com/a/./b/../c/..", "https://e.com/a/"),
        ("https://e.com/%2e%2e/a//b", "https://e.com/a//b"),
        ("https://e.com/100%", "https://e.com/100%25"),
        ("https://e.com/?a[]=1&b=%zz", "https://e.com/?a[]=1&b=%25zz"),
        ("http://my_host:8000/", "http://my_host:8000/"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/"),
        ("http://[0:0::1]:80/", "http://[::1]/"),
    ],
)
def test_normal_form(text: str, url: str) -> None:
    """One page has one URL."""
    assert normalise_url(text) == url


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("file:///etc/passwd", "file: URLs are not visited"),
        ("javascript:alert(1)", "javascript: URLs are not visited"),
        ("ftp://e.com/", "ftp: URLs are not visited"),
        ("example.com/a", "not an absolute URL"),
        ("localhost:8000/a", "not an absolute URL"),
        ("", "not an absolute URL"),
        ("https://user:pass@e.com/", "user name or password"),
        ("https://@e.com/", "user name or password"),
        ("https://e.com/?key=${secret:KEY}", "no secret may be in a URL"),
        ("https:///a", "names no host"),
        ("https://e.com:99999/", "bad port"),
        ("https://e.com:0/", "bad port"),
        ("https://e..com/", "bad host"),
        ("https://a b/", "bad host"),
        ("https://-a.com/", "bad host"),
        ("https://e%2ecom/", "bad host"),
        ("http://0x7f.1/", "four decimal numbers"),
        ("http://2130706433/", "four decimal numbers"),
        ("http://127.1/", "four decimal numbers"),
        ("http://127.0.0.01/", "four decimal numbers"),
        ("http://\uff11\uff12\uff17.1/", "four decimal numbers"),
        ("http://[::1%25lo]/", "a zone is not allowed"),
        ("http://[::1", "not a URL"),
        ("https://e.com\\@evil.example/", "backslash"),
        ("https://e.com/a\nb", "control character"),
        ("https://e.com/\ud800", "not valid Unicode"),
        ("https://e.com/" + "a" * MAX_URL_BYTES, "longer than 2048 bytes"),
        ("https://e.com/" + "ä" * 400, "longer than 2048 bytes"),
    ],
)
def test_refused_urls(text: str, reason: str) -> None:
    """What must not be visited, or would be read differently by a browser, is refused with its reason."""
    with pytest.raises(ValueError, match=reason) as caught:
        normalise_url(text)
    assert "pass" not in str(caught.value).replace("password", "")


@given(
    st.builds(
        "{}://{}{}/{}".format,
        st.sampled_from(["http", "https", "HTTP"]),
        st.sampled_from(["e.com", "Bücher.example", "127.0.0.1", "[::1]", "a_b"]),
        st.sampled_from(["", ":80", ":443", ":8000"]),
        st.text(st.sampled_from("aZ~/.%2eE?#&=[]+ äß€😀;:@|\"'<>"), max_size=30),
    )
)
def test_normalising_twice_changes_nothing(text: str) -> None:
    """The normal form of a normal form is itself, and ASCII."""
    once = normalise_url(text)
    assert once.isascii()
    assert normalise_url(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "rate(1 minute)",
        "rate(15 minutes)",
        "cron(0 8 ? * MON-FRI *)",
        "cron(0/15 8-17,20 * JAN,6-8 ? 2026-2030)",
        "cron(*/5 * ? * 2#1 *)",
        "cron(0 0 L * ? *)",
        "cron(0 0 15W * ? *)",
        "cron(0 0 LW 12 ? 2199)",
        "cron(0 0 ? * 6L *)",
        "cron(0 0 ? * FRI-MON *)",
        "at(2030-02-28T08:00:00)",
    ],
)
def test_schedules(text: str) -> None:
    """Every form the EventBridge Scheduler guide names is taken as it stands."""
    assert check_schedule(text) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0 8 * * *", "not a schedule"),
        ("every day", "not a schedule"),
        ("rate(0 minutes)", "bad rate"),
        ("rate(1 hours)", "1 goes with minute, hour or day"),
        ("rate(2 hour)", "1 goes with minute, hour or day"),
        ("rate(5 seconds)", "bad rate"),
        ("cron(0 8 * * MON-FRI *)", r"\? in exactly one"),
        ("cron(0 8 ? * ? *)", r"\? in exactly one"),
        ("cron(0 8 1 * 1 *)", r"\? in exactly one"),
        ("cron(0 8 ? * MON-FRI)", "5 fields, needs 6"),
        ("cron(60 8 ? * 1 *)", "cron minutes: '60' is not valid; use 0 to 59"),
        ("cron(0 24 ? * 1 *)", "cron hours"),
        ("cron(0 8 32 * ? *)", "cron day-of-month"),
        ("cron(0 8 0 * ? *)", "cron day-of-month"),
        ("cron(0 8 ? 13 1 *)", "cron month"),
        ("cron(0 8 ? * 0 *)", "cron day-of-week: '0' is not valid; use 1 to 7 or SUN to SAT"),
        ("cron(0 8 ? * mon *)", "use 1 to 7 or SUN to SAT"),
        ("cron(0 8 ? * 2#6 *)", "cron day-of-week"),
        ("cron(0 8 ? * 3#1,6#3 *)", "one # alone"),
        ("cron(0 8 ? * 1 1969)", "cron year"),
        ("cron(? 8 ? * 1 *)", r"cron minutes: \? is only for"),
        ("cron(0 17-8 ? * 1 *)", "runs backwards"),
        ("cron(0/0 8 ? * 1 *)", "cron minutes"),
        ("cron(0/60 8 ? * 1 *)", "the step"),
        ("cron(0, 8 ? * 1 *)", "cron minutes"),
        ("cron(0 8 ? * 1/2 *)", "has a step"),
        ("at(2030-02-30T08:00:00)", "bad time"),
        ("at(2030-02-28 08:00)", "bad time"),
    ],
)
def test_bad_schedules(text: str, reason: str) -> None:
    """What AWS would refuse at apply is refused here, with the field named."""
    with pytest.raises(ValueError, match=reason):
        check_schedule(text)


def test_secret_references() -> None:
    """The names are found in order, each once, and a slip in a reference is distinguished from ordinary text."""
    assert secret_names("Bearer ${secret:api/TOKEN-1} ${secret:B} ${secret:B}") == ("api/TOKEN-1", "B")
    assert malformed("a ${secret:OK} and $5 and ${other}") is None
    for text in ("${secret}", "${secret:}", "${secret:a b}", "${ secret:A}", "${Secret:A}", "$secret:A", "${secret:A"):
        assert malformed(text) is not None, text
