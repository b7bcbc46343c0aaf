"""A store in which people act, and what an endpoint must know of it: what the state machine asks of each store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from filesync_dagster.simulators.kit.faults import Fault, FaultPlan
from filesync_dagster.simulators.kit.service import VendorService
from filesync_dagster_tests.sync.projects import Row

BOB = "bob@example.com"
NAMES = ("a", "b", "x", "xy.txt", "Ä b.txt")  # few, so that names meet; those with x are what filters leave out


@dataclass(frozen=True)
class Place:
    """What an endpoint watches."""

    kind: str  # in the words of its world
    filtered: bool = False
    guarded: bool = False
    slow: bool = field(default=False, repr=False)  # a second way of the same thing: with the long tests only

    def entry(self, endpoint_type: str, details: Mapping[str, Any]) -> dict[str, Any]:
        """Return an endpoint as endpoints.yaml has it."""
        return {
            "name": "docs",
            "type": endpoint_type,
            "endpoint_details": dict(details),
            "filters": {"exclude": ["**/x*"]} if self.filtered else {},
            "guard": {} if self.guarded else {"enabled": False},
        }


@dataclass(frozen=True)
class Trouble:
    """One way in which things go wrong. `harmless` and `lossy` say what a sync may do then."""

    fault: Fault
    operation: str = "*"
    times: int = 1
    how: dict[str, Any] = field(default_factory=dict)
    harmless: bool = True  # the sync copes: it completes and is right
    lossy: bool = False  # something was kept from the sync that only a reconcile can find


COMMON_TROUBLES: Mapping[str, Trouble] = {
    "429": Trouble(Fault.THROTTLE, how={"status": 429, "seconds": 2}),
    "500": Trouble(Fault.SERVER_ERROR, how={"status": 500}),
    "503 twice": Trouble(Fault.SERVER_ERROR, how={"status": 503}, times=2),
    "timeout": Trouble(Fault.TIMEOUT),
    "disconnect": Trouble(Fault.DISCONNECT),
    "garbage": Trouble(Fault.GARBAGE),
    "expired access token": Trouble(Fault.EXPIRE_TOKEN),
    "mutation": Trouble(Fault.MUTATE),
    "mutations": Trouble(Fault.MUTATE, times=4),
    "denied credentials": Trouble(Fault.DENY, "token", harmless=False),
    "down": Trouble(Fault.SERVER_ERROR, times=-1, harmless=False),
}
"""What can happen to every store. Each adds what only it can do."""


class World(Protocol):
    """A small store to begin with, always with the same ids. Numbers that a test draws choose among what is there.

    `store` has the verbs of `TreeStore` that `actions` name, and create, edit, rename, move and delete. What the vendor
    does not allow raises Refusal, what makes no sense ValueError.
    """

    endpoint_type: str
    kinds: Sequence[str]  # of entries that `create` makes; what comes often is named often
    actions: frozenset[str]  # of: trash, restore, share, unshare, revoke
    troubles: Mapping[str, Trouble]
    simulator: VendorService[Any]
    store: Any

    def entry(self, place: Place) -> dict[str, Any]:
        """Return an endpoint that watches a place, as endpoints.yaml has it."""
        ...

    def anything(self, number: int) -> str:
        """Return the id of some entry."""
        ...

    def a_folder(self, number: int) -> str:
        """Return the id of some folder; tops are folders too."""
        ...

    def is_there(self, external_id: str) -> bool:
        """Whether an entry exists and the account may see it, in the trash or not: it must not be called removed."""
        ...

    def truth(self, place: Place) -> dict[str, Row] | None:
        """Return what an endpoint must list, trashed entries too, by id; None when it is not there (any more)."""
        ...


def left_out(path: str) -> bool:
    """Tell whether the filters of these tests leave a path out."""
    return any(segment.startswith("x") for segment in path.split("/"))


def plan_troubles(plan: FaultPlan, world: World, troubles: Any) -> list[tuple[Trouble, Any]]:
    """Plan troubles, each by its name and after how many calls it comes; return them with their rules."""
    planned = []
    for name, after in troubles:
        trouble = world.troubles[name]
        rule = plan.add(trouble.fault, trouble.operation, after=after, times=trouble.times, **trouble.how)
        planned.append((trouble, rule))
    return planned
