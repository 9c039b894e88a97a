"""What a destination accepts, in one shape."""

from dataclasses import dataclass, field

EVERYBODY = "select * from reachable"


@dataclass(frozen=True)
class Accepted:
    """`title`: what people call it. `columns`: header to SQL expression over the columns of `contacts`, text or null.

    `columns_without_email` replace `columns` where nobody has an e-mail address. `chosen`: a query over `reachable` (the
    columns of `contacts`) of whom to write. `needs_ads`: who has not agreed to ads is left out. `writes_id`: user ids are in
    the file. `largest_file`: bytes; 0 is no limit. `fewest_people`: below it the tool does little with the list.
    """

    title: str
    columns: dict[str, str]
    columns_without_email: dict[str, str] = field(default_factory=dict)
    chosen: str = EVERYBODY
    needs_ads: bool = False
    writes_id: bool = False
    largest_file: int = 0
    fewest_people: int = 0
