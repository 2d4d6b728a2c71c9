"""The homes and payees that the demo starts with. Seeding again changes nothing that is there."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from django_redpin.models import Recipient

from .models import CURRENCY, Unit

ESCROW: Final = "Meridian Quay Escrow Account"
AGENT: Final = "Harbour & Lane Real Estate LLC"
_IBANS: Final = {ESCROW: "AE070331234567890123456", AGENT: "AE970260001015336684701"}


class Plan(NamedTuple):
    """One kind of home. `floor` is that of the first release; each later one lies a floor above.

    `name` and `reference` are told the floor and the door.
    """

    name: str
    reference: str
    kind: str
    building: str
    floor: int
    door: int
    area: str
    bedrooms: int
    outlook: str
    price: int
    deposit_percent: int
    drawing: str
    description: str


_FLAT: Final = ("Residence {floor}{door:02d}", "MQ-{floor:02d}{door:02d}")
PLANS: Final = (
    Plan(
        *_FLAT, "Studio", "Mariner House", 7, 5, "46.5", 0, "Marina", 985_000, 10, "studio",
        "One generous room with a sleeping alcove, a galley kitchen, and a balcony above the"
        " moorings. Made for early ferries and late swims.",
    ),
    Plan(
        *_FLAT, "One-bedroom residence", "Mariner House", 11, 3, "74.0", 1, "Marina",
        1_640_000, 10, "one",
        "The living room opens to the water on its whole width; the bedroom keeps to the quiet"
        " garden side.",
    ),
    Plan(
        *_FLAT, "Two-bedroom residence", "Lantern Tower", 12, 4, "118.4", 2, "Creek",
        2_500_000, 10, "two",
        "A corner home with light from two sides, two bedrooms with their own baths, and a"
        " terrace deep enough for a table of six.",
    ),
    Plan(
        *_FLAT, "Three-bedroom residence", "Lantern Tower", 18, 1, "171.2", 3, "Creek and skyline",
        4_150_000, 20, "three",
        "Three bedrooms around a long gallery, a kitchen that closes when guests come, and the"
        " skyline at dusk.",
    ),
    Plan(
        "Terrace {door}", "MQ-T{door:02d}", "Garden townhouse", "The Terraces", 0, 3, "238.0", 4,
        "Courtyard garden", 5_900_000, 20,
        "townhouse",
        "Three storeys with a front door of your own, a walled garden with a lemon tree, and a"
        " roof to watch the boats from.",
    ),
    Plan(
        "Penthouse {floor}", "MQ-P{floor}", "Sky penthouse", "Lantern Tower", 31, 0, "342.6", 4,
        "Open sea", 14_750_000, 20,
        "penthouse",
        "The whole crown of the Lantern Tower: four suites, a library, and a pool that meets the"
        " horizon.",
    ),
)  # fmt: skip


def payee(name: str) -> Recipient:
    """Return the recipient that stands for one of the shop's two accounts."""
    known = Recipient.objects.filter(name=name).order_by("pk").first()
    return known or Recipient.objects.create(
        name=name,
        type="Corporate",
        country_code="ARE",
        currency=CURRENCY,
        bank_details={"iban": _IBANS[name]},
    )


def seed() -> None:
    """Put the payees in place and the first release on sale; when all homes are gone, the next.

    May run any number of times, on a database that has been used before.
    """
    for name in _IBANS:
        payee(name)
    release = 1
    while not _is_open(release):
        release += 1


def _is_open(release: int) -> bool:
    """Put a release on sale, and tell whether one of its homes is free."""
    homes = [_home(plan, release) for plan in PLANS]
    return Unit.objects.filter(pk__in=[home.pk for home in homes], holder=None).exists()


def _home(plan: Plan, release: int) -> Unit:
    above = release - 1
    floor, door = (plan.floor + above, plan.door) if plan.floor else (0, plan.door + above)
    home, _ = Unit.objects.get_or_create(
        reference=plan.reference.format(floor=floor, door=door),
        defaults={
            "name": plan.name.format(floor=floor, door=door),
            "kind": plan.kind,
            "building": plan.building,
            "floor": floor,
            "area": Decimal(plan.area),
            "bedrooms": plan.bedrooms,
            "outlook": plan.outlook,
            "description": plan.description,
            "drawing": f"properties/plans/{plan.drawing}.svg",
            "price": Decimal(plan.price),
            "deposit_percent": plan.deposit_percent,
            "release": release,
        },
    )
    return home
