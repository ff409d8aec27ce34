"""The recording of a storm finds a limit that was passed, from what the world saw alone."""

from __future__ import annotations

from agent.model.command import Command, CommandKind
from agent.model.policy import Rails
from agent.runtime.simulation_company import registry_of
from agent.runtime.simulation_record import Recording

START = 1_000_000.0
REGISTRY = registry_of(2)
RAILS = Rails()


def recording(*acts: tuple[float, str]) -> Recording:
    """Acts of five seconds each, at so many seconds since the beginning."""
    made = Recording(START, 7_200.0, REGISTRY)
    for at, target in acts:
        command = Command(
            id=f"{target}{at}",
            key="k",
            kind=CommandKind.ACT,
            subject="i-1",
            use="process.restart",
            target=target,
        )
        made.acted(START + at, START + at + 5, command)
    return made


def service(number: int, product: int = 1) -> str:
    return f"product-{product:02}-service-{number:02}"


def passed(made: Recording) -> list[str]:
    return [kept.limit for kept in made.kept(RAILS) if not kept.held]


def test_acts_one_after_the_other_pass_no_limit() -> None:
    assert passed(recording((0, service(1)), (5, service(1)), (10, service(2)))) == []


def test_two_acts_at_a_time_on_one_target_are_seen() -> None:
    assert passed(recording((0, service(1)), (4.9, service(1)))) == ["acts at a time, one target"]


def test_three_acts_at_a_time_in_one_product_are_seen() -> None:
    found = passed(recording(*((n, service(n)) for n in (1, 2, 3))))
    assert "acts at a time, one product" in found


def test_more_acts_in_a_minute_than_burst_and_rate_allow_are_seen() -> None:
    acts = [(n * 3.0, service(1 + n % 2, 1 + n // 9)) for n in range(17)]
    assert passed(recording(*acts)) == ["acts within a minute, in all"]
    assert passed(recording(*acts[:16])) == []


def test_a_third_target_within_an_hour_is_more_than_a_tenth_of_twenty() -> None:
    limit = "targets within an hour, as part of what a product allows"
    assert passed(recording(*((n * 1_700.0, service(n)) for n in (1, 2, 3)))) == [limit]
    assert passed(recording(*((n * 1_800.0, service(n)) for n in (1, 2, 3)))) == []
