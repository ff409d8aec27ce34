"""How likely it is that recoveries followed so soon on the acts by chance.

If an act had nothing to do with the end of its incident, it fell at any moment of it alike: the
share of the incident that was left when the act began is then a uniform number between 0 and 1. The
product of several such shares is as small as it is, or smaller, with the probability that Fisher's
method of combining tests gives: c * sum((-ln c)^k / k!, k < n).

That holds only where people did not simply always come late. Incidents that each last equally long
end by themselves at a known time, and whoever acts towards that time seems to have ended them; so
it is also asked how much the durations differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from agent.model.learning import Resolution

LEAST_SHARE = 1e-6
"""Times are never so exact that less of an incident can be told from nothing of it."""


def chance_of(resolutions: Sequence[Resolution]) -> float:
    """From 0 to 1; 1 where there is nothing to judge by: times that are not known, or an act after
    the end."""
    shares = [_share_left(r) for r in resolutions]
    if not shares:
        return 1.0
    product = math.prod(shares)
    if product <= 0.0:
        product = math.ulp(0.0)
    left, total, term = -math.log(product), 0.0, 1.0
    for k in range(len(shares)):
        total += term
        term *= left / (k + 1)
    return min(1.0, product * total)


def _share_left(resolution: Resolution) -> float:
    began = last_began(resolution)
    cleared, fired = resolution.cleared_at, resolution.fired_at
    if began is None or cleared is None or not fired <= began <= cleared or cleared <= fired:
        return 1.0
    return max(LEAST_SHARE, (cleared - began) / (cleared - fired))


def last_began(resolution: Resolution) -> float | None:
    """When the last of its deeds began; None where nobody knows of one of them."""
    times = [d.began_at for d in resolution.deeds]
    known = [t for t in times if t is not None]
    return max(known) if known and len(known) == len(times) else None


def variation_of(resolutions: Sequence[Resolution]) -> float:
    """How much their whole durations differ: the standard deviation as a share of the mean."""
    lasted = [r.cleared_at - r.fired_at for r in resolutions if r.cleared_at is not None]
    mean = math.fsum(lasted) / len(lasted) if lasted else 0.0
    if len(lasted) < 2 or mean <= 0.0:
        return 0.0
    squares = math.fsum((one - mean) ** 2 for one in lasted)
    return math.sqrt(squares / (len(lasted) - 1)) / mean
