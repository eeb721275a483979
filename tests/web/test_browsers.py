"""Whether a browser sent a request, for somebody who reads."""

import time

import pytest

from blog.web.browsers import asks_to_read, is_robot

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0"
PEOPLE = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Edg/120.0.0.0",
    f"Mozilla/5.0 (Linux; Android 10; CUBOT X18) {CHROME} Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 10; CUBOT_NOTE_S) {CHROME} Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 "
    "Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 "
    "Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.1; Trident/6.0)",
    "Opera/9.80 (Android; Opera Mini/36.2/119.132; U; id) Presto/2.12.423 Version/12.16",
]
ROBOTS = [
    "",
    "curl/8.5.0",
    "Wget/1.21.4",
    "python-requests/2.32.3",
    "Go-http-client/2.0",
    "okhttp/4.12.0",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mastodon/4.2.1 (http.rb/5.1.1; +https://example.social/)",
    "Feedly/1.0 (+http://www.feedly.com/fetcher.html; 3 subscribers)",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) {CHROME} Mobile Safari/537.36 (compatible; Googlebot/2.1)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Mozilla/5.0 (compatible; YandexRenderResourcesBot/1.0)",
    "Mozilla/5.0 (compatible; Yahoo! Slurp)",
    "Mozilla/5.0 (compatible; Baiduspider/2.0)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 11; moto g power) {CHROME} Mobile Safari/537.36 Chrome-Lighthouse",
    "Mozilla/5.0 (compatible; UptimeRobot/2.0)",
    "Mozilla/5.0 (Windows NT 6.1) SkypeUriPreview Preview/0.5",
    "Mozilla/5.0 (compatible; Mediapartners-Google/2.1)",
]


@pytest.mark.parametrize("agent", PEOPLE)
def test_a_browser_is_no_robot(agent):
    assert not is_robot(agent)


@pytest.mark.parametrize("agent", ROBOTS)
def test_a_program_that_names_itself_is_a_robot(agent):
    assert is_robot(agent)


@pytest.mark.parametrize("part", ["(", "; ", "a", " Build/", "Mozilla/5.0 (", "/1.1.1", "\x00", "ü", "X11; ", "bot-"])
def test_a_hostile_name_takes_little_time(part):
    is_robot("Mozilla/5.0 (X11) Firefox")  # the tables are read
    began = time.thread_time()
    is_robot(("Mozilla/5.0 (X11; " + part * 400)[:400])
    assert time.thread_time() - began < 2


AHEAD = [
    ("HTTP_SEC_PURPOSE", "prefetch"),
    ("HTTP_SEC_PURPOSE", "prefetch;prerender"),
    ("HTTP_SEC_PURPOSE", "prefetch;anonymous-client-ip"),
    ("HTTP_PURPOSE", "prefetch"),
    ("HTTP_X_MOZ", "prefetch"),
    ("HTTP_X_PURPOSE", "preview"),
    ("HTTP_SEC_PURPOSE", "Prefetch"),
]


@pytest.mark.parametrize(("name", "value"), AHEAD)
def test_a_page_that_is_fetched_ahead_of_time_is_not_read(name, value):
    assert not asks_to_read({"REQUEST_METHOD": "GET", name: value})


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST"])
def test_only_a_get_asks_to_read(method):
    assert not asks_to_read({"REQUEST_METHOD": method})


def test_a_plain_get_asks_to_read():
    assert asks_to_read({"REQUEST_METHOD": "GET", "HTTP_SEC_FETCH_DEST": "document", "HTTP_SEC_PURPOSE": ""})
