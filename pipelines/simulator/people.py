"""Who they are: viewers, members, chatters, panelists, contacts; what they use and allow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.simulator.scenario import Options, hex_ids

BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/134.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.3 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
    " Gecko) Version/18.3 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/134.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:136.0) Gecko/20100101 Firefox/136.0",
)
BOTS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
)
"""User agents their operators publish, all in the list that Screen reads."""

BOT_SHARE = 0.015
LOGIN_SHARE = 0.45
CARRIES_CONSENT_SHARE = 0.7
REFUSES_SHARE = 0.09
WRONG_CLOCK_SHARE = 0.12
CLOCK_ERRORS_MS = (-86_400_000, -7_200_000, -3_600_000, -95_000, 41_000, 600_000, 3_600_000)


@dataclass(frozen=True)
class People:
    """Everybody in the story. Arrays have one value a viewer or one a member.

    Viewer v below `logged_in` is member v; members beyond it never watch on the web. Bots are the
    last viewers and never log in. Only viewers refuse; a viewer who refuses as a member does so in
    everything that carries consent.
    """

    viewers: int
    logged_in: int
    users: list[str]
    anonymous: list[str]
    bot: np.ndarray
    refused: np.ndarray
    carries_consent: np.ndarray
    user_agent: list[str]
    address: list[str]
    clock_error_ms: np.ndarray
    mood: np.ndarray
    chatters: list[str]
    panelists: list[str]
    contacts: list[str]

    @property
    def members(self) -> int:
        return len(self.users)

    def viewer_key(self, viewer: int) -> str:
        """Actor key of a viewer: the login where there is one, else the device."""
        if viewer < self.logged_in:
            return f"user:{self.users[viewer]}"
        return f"anonymous:{self.anonymous[viewer]}"

    def member_key(self, member: int) -> str:
        return f"user:{self.users[member]}"

    def member_refused(self, member: int) -> bool:
        return member < self.logged_in and bool(self.refused[member])

    def willing_members(self) -> np.ndarray:
        """Members who did not refuse to be measured."""
        refused = np.zeros(self.members, dtype=bool)
        refused[: self.logged_in] = self.refused[: self.logged_in]
        return np.flatnonzero(~refused)


def people_of(options: Options) -> People:
    """The people of a story, scaled by `options.people`."""
    rng = options.generator("people")
    viewers = options.people
    logged_in = round(viewers * LOGIN_SHARE)
    members = round(viewers * 0.6)
    bots = max(2, round(viewers * BOT_SHARE))
    bot = np.arange(viewers) >= viewers - bots
    carries = (rng.random(viewers) < CARRIES_CONSENT_SHARE) & ~bot
    refused = carries & (rng.random(viewers) < REFUSES_SHARE / CARRIES_CONSENT_SHARE)
    # Two certain refusals, one with a login and one without, so that no small story lacks them.
    refused[[0, logged_in]] = carries[[0, logged_in]] = True
    # Members who never watch on the web have moods too: the survey asks them.
    mood = rng.beta(3, 2, max(viewers, members))
    wrong = rng.random(viewers) < WRONG_CLOCK_SHARE
    browsers = rng.choice(len(BROWSERS), viewers, p=[0.3, 0.15, 0.28, 0.2, 0.07])
    users = [f"m{100_000 + number}" for number in range(members)]
    contacts = users + [f"contact{number}" for number in range(round(viewers * 0.6))]
    return People(
        viewers=viewers,
        logged_in=logged_in,
        users=users,
        anonymous=[
            f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}" for h in hex_ids(rng, viewers)
        ],
        bot=bot,
        refused=refused,
        carries_consent=carries,
        user_agent=[
            BOTS[v % len(BOTS)] if is_bot else BROWSERS[b]
            for v, (is_bot, b) in enumerate(zip(bot, browsers))
        ],
        # 198.18.0.0/15 is reserved for tests of networks: nobody's address.
        address=[f"198.{18 + v // 65_025 % 2}.{v // 255 % 255}.{v % 255}" for v in range(viewers)],
        clock_error_ms=np.where(wrong, rng.choice(CLOCK_ERRORS_MS, viewers), 0),
        mood=mood,
        chatters=[f"UC{h}" for h in hex_ids(rng, max(10, round(viewers * 0.35)), 22)],
        panelists=[f"P{10_000 + n}" for n in range(max(5, round(viewers * 0.06)))],
        contacts=[f"{name}@example.com" for name in contacts],
    )
