"""The columns of a campaign's audience."""

COLUMNS = {
    "as_of_date": "date",
    "campaign_id": "varchar",
    "campaign_name": "varchar",
    "user_id": "varchar",
    "life_cycle": "varchar",
    "value_tier": "varchar",
    "intent": "varchar",
    "offers": "integer",
    "offer_ids": "varchar",
    "offer_names": "varchar",
    "reasons": "varchar",
    "valid_from": "timestamp",  # UTC
    "valid_to": "timestamp",
    "expected_margin": "decimal(18, 2)",  # a sum of floats: its last bits may differ from build to build, cents don't
}
"""What a destination may draw on, with SQL types."""
