"""All destinations. A further one is a module with an `Accepted`, a name in Destination and a line here."""

from promo_cli.destinations import Destination
from promo_cli.destinations.braze import BRAZE
from promo_cli.destinations.google import GOOGLE
from promo_cli.destinations.klaviyo import KLAVIYO
from promo_cli.destinations.meta import META

DESTINATIONS = {
    Destination.GOOGLE: GOOGLE,
    Destination.META: META,
    Destination.KLAVIYO: KLAVIYO,
    Destination.BRAZE: BRAZE,
}
