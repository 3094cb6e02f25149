"""Screen: known automata are flagged, nobody is dropped, and what a channel said stays."""

import pytest

from schemas.event import NATIVE_EVENT
from tests.transforms.events import event, native
from transforms.screen import judge_user_agent, replace_columns, screen

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile/15E148 Safari/604.1"
LAPTOP = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0 Safari/537.36"
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.mark.parametrize(
    ("agent", "traffic"),
    [
        (CRAWLER, "givt"),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "givt"),
        ("curl/8.5.0", "givt"),
        ("python-requests/2.31.0", "givt"),
        # Apple's proxy and Gmail's prefetch fetch the pixel of a mail that nobody may have read.
        ("Mozilla/5.0", "givt"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0", "givt"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246", "valid"),
        (PHONE, "valid"),
        (LAPTOP, "valid"),
    ],
)  # fmt: skip
def test_published_crawlers_and_mail_prefetches_are_general_invalid_traffic(agent, traffic):
    verdict = judge_user_agent(agent)

    assert verdict.ivt_class == traffic
    assert (verdict.ivt_reason is not None) == (traffic == "givt")


GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"


@pytest.mark.parametrize("agent", [GMAIL, YAHOO])
def test_a_proxy_that_fetches_for_a_reader_may_be_a_person(agent):
    assert judge_user_agent(agent) == ("unknown", "mail-proxy", "none")


def test_what_a_channel_doubts_with_a_reason_stays_doubtful_unless_an_automaton_is_known():
    doubt = {"ivt_class": "unknown", "ivt_reason": "vendor: proxied"}
    rows = [event(raw_user_agent=agent, **doubt) for agent in (GMAIL, PHONE, None, CRAWLER)]
    found = screen(native(*rows))

    assert found.column("ivt_class").to_pylist() == ["unknown", "unknown", "unknown", "givt"]
    assert found.column("ivt_reason").to_pylist() == ["vendor: proxied"] * 3 + [
        "crawler-user-agents:Googlebot\\/"
    ]


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (PHONE, "mobile"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/124.0 Mobile Safari/537.36", "mobile"),
        ("Mozilla/5.0 (iPad; CPU OS 16_5 like Mac OS X) AppleWebKit/605.1.15", "mobile"),
        (LAPTOP, "desktop"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15", "desktop"),
        ("Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36 Version/6.0 TV Safari/537.36", "tv"),
        ("Mozilla/5.0 (Linux; Andr0id 9; BRAVIA 4K UR2) AppleWebKit/537.36", "tv"),
        (CRAWLER, "none"),
    ],
)  # fmt: skip
def test_the_device_class_follows_the_user_agent(agent, device):
    assert judge_user_agent(agent).device_class == device


def test_every_row_is_kept_and_judged_by_its_own_agent():
    rows = [event(raw_user_agent=a) for a in (PHONE, CRAWLER, None, LAPTOP, CRAWLER)]
    found = screen(native(*rows))

    assert found.schema.equals(native().schema, check_metadata=True)
    assert found.column("ivt_class").to_pylist() == ["valid", "givt", "unknown", "valid", "givt"]
    assert found.column("device_class").to_pylist() == ["mobile", "none", None, "desktop", "none"]
    assert found.column("ivt_reason").to_pylist()[1] == "crawler-user-agents:Googlebot\\/"
    assert found.column("ivt_reason").null_count == 3


def test_a_vendor_s_own_flag_reason_and_device_class_stay():
    vendor = {"ivt_class": "givt", "ivt_reason": "vendor: machine open", "device_class": "tv"}
    found = screen(native(event(raw_user_agent=PHONE, **vendor)))

    assert found.select(list(vendor)).to_pylist() == [vendor]


def test_what_a_vendor_calls_valid_has_no_reason_to_be_invalid():
    found = screen(native(event(raw_user_agent=CRAWLER, ivt_class="valid")))

    assert found.select(["ivt_class", "ivt_reason"]).to_pylist() == [
        {"ivt_class": "valid", "ivt_reason": None}
    ]


@pytest.mark.parametrize("agent", ["", "-"])
def test_an_empty_user_agent_says_nothing(agent):
    found = screen(native(event(raw_user_agent=agent), event(raw_user_agent=PHONE)))

    assert found.column("ivt_class").to_pylist() == ["unknown", "valid"]


def test_without_any_user_agent_the_batch_is_returned_as_it_was():
    batch = native(event(), event())

    assert screen(batch) is batch


def test_replaced_columns_leave_the_others_and_the_metadata():
    batch = native(event())
    found = replace_columns(batch, {"channel": batch.column("source")})

    assert found.schema.metadata == batch.schema.metadata
    assert [f.name for f in found.schema] == NATIVE_EVENT.names
