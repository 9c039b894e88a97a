{#
    What keeps a user from a promotion, in the order in which people are told: the code of the seed reject_codes, and the condition
    on a row of considered_promotions that it fails.
#}
{% macro eligibility_rules() -%}
{% do return({
    'HOLDOUT': "is_holdout",
    'CAMPAIGN_HOLDOUT': "is_campaign_holdout",
    'NO_CONSENT': "not marketing_consent",
    'HIDDEN': "is_hidden",
    'RISK_FLAG': "is_risk_flagged",
    'NOT_YET_VALID': "not has_begun",
    'EXPIRED': "is_over",
    'NOT_IN_CAMPAIGN': "is_sent_to_some and not has_received",
    'NOT_IN_SEGMENT': "not (" ~ admits('life_cycles', 'life_cycle') ~ " and " ~ admits('value_tiers', 'value_tier')
        ~ " and " ~ admits('intents', 'intent') ~ " and " ~ admits('clusters', 'cluster_name') ~ ")",
    'NOT_A_MEMBER': "not " ~ admits('member_tiers', 'tier'),
    'NOT_BIRTHDAY': "days_from_birthday > birthday_days or (birthday_days is not null and days_from_birthday is null)",
    'WOULD_STAY': "churn_risk < min_churn_risk or (min_churn_risk is not null and churn_risk is null)",
    'NO_UPLIFT': "min_churn_risk is not null and mean_promo_effect <= 0",
    'CAP_USER': "user_redemptions >= per_user_limit",
    'CAP_USER_DAY': "user_redemptions_1d >= per_user_day_limit",
    'CAP_USER_WEEK': "user_redemptions_7d >= per_user_week_limit",
    'CAP_USER_MONTH': "user_redemptions_31d >= per_user_month_limit",
    'CONTACT_LIMIT': "contacts_7d >= " ~ policy_value('max_contacts_7d'),
    'ALREADY_OWNED': "holds_offer",
    'EXCLUSIVE_GROUP': "holds_offer_of_group and not holds_offer",
    'OFFER_LIMIT': "open_offers >= " ~ policy_value('max_offers_per_user'),
    'CAP_REDEMPTIONS': "redemptions + reserved_redemptions >= max_redemptions",
    'BUDGET_EXHAUSTED': "budget_spent + budget_reserved + cost > budget",
    'NO_MATCHING_PRODUCT': "redemption_score is null and needs_product",
    'NO_SCORE': "redemption_score is null and not needs_product",
    'MARGIN_FLOOR': "margin_after_cost <= 0 or is_below_floor or (margin_after_cost is null and redemption_score is not null)",
    'NOT_INCREMENTAL': "incremental_margin <= 0 and " ~ policy_value('refuse_unless_incremental') ~ " >= 1",
}) %}
{%- endmacro %}

{# The bit of each code: 2 to the power of its rule's place. Column `bit` of the seed reject_codes says the same, for SQL to read. #}
{% macro bits_of_rules() -%}
{% set bits = {} -%}
{% for code in eligibility_rules() -%}{% do bits.update({code: 2 ** loop.index0}) -%}{% endfor -%}
{% do return(bits) %}
{%- endmacro %}

{# The rules that a row fails as one number, 0 where none fails: who looks at all pairs compares numbers, not words. #}
{% macro failed_rule_bits() -%}
{% set bits_of_codes = bits_of_rules() -%}
{% for code, condition in eligibility_rules().items() -%}
case when {{ condition }} then {{ bits_of_codes[code] }} else 0 end{{ " + " if not loop.last }}
{% endfor -%}
{%- endmacro %}

{# The codes of such a number, in the order of the rules. #}
{% macro codes_of_bits(bits) -%}
{{ names_of_bits(bits, eligibility_rules() | list) }}
{%- endmacro %}

{# The rules of those codes as a number of the same kind. #}
{% macro rule_bits(codes) -%}
{% set bits_of_codes = bits_of_rules() -%}
{% set bits = [] -%}
{% for code in codes -%}{% do bits.append(bits_of_codes[code]) -%}{% endfor -%}
{{ bits | sum }}
{%- endmacro %}

{# Whether a row fails no other rules than those. #}
{% macro fails_only(bits, codes) -%}
({{ bits }} | {{ rule_bits(codes) }}) = {{ rule_bits(codes) }}
{%- endmacro %}
