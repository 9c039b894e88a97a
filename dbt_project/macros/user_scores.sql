{#
    The score models that tell something of one user. tests/test_compliance.py holds the list against models/scores. Risk control
    has rules of its own: it needs no consent, and keeps nothing on who refused personalisation and breaks no rule.
#}
{% macro user_scores() -%}
    {{ return([
        'behaviour_cluster_scores', 'campaign_redemption_scores', 'category_interest_reasons', 'category_interest_scores',
        'churn_risk_56d_scores', 'churn_risk_reasons', 'churn_risk_scores', 'churn_scores', 'coupon_interest',
        'coupon_redemption_reasons', 'coupon_redemption_scores', 'interest_reasons', 'interest_scores', 'promo_effect_inputs',
        'promo_effect_reasons', 'promo_effect_scores', 'purchase_intent_reasons', 'purchase_intent_scores',
        'subcategory_interest_scores', 'topic_scores', 'user_price_sensitivity', 'user_topics',
    ]) }}
{%- endmacro %}
