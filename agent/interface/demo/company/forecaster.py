"""The sub-agent: thinks about tomorrow's orders, and says once a second that it still does."""

from __future__ import annotations

import time

from agent.interface.demo.company.service import Voice, say

BEAT_SECONDS = 1.0
RETRY_SECONDS = 0.25


def main() -> None:
    voice = Voice("forecaster")
    say("forecaster begins")
    rounds = 0
    while True:
        rounds += 1
        heard = voice.tell("homeostat.heartbeat", {"agent": "forecaster", "rounds": rounds})
        time.sleep(BEAT_SECONDS if heard else RETRY_SECONDS)


if __name__ == "__main__":
    main()
