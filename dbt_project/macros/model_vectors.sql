{# Names of the entries of each model's feature vector, in their order: what it learns from, and what it is served. #}
{% macro model_vectors() -%}
    {{ return({
        'purchase_intent_blend': var('intent_windows').values() | sum(start=[]),
        'interest': interest_features(),
        'subcategory_interest': var('subcategory_interest_features'),
        'category_interest': var('category_interest_features'),
        'promo_effect': ['interest'] + var('promo_effect_product') + var('promo_effect_features'),
        'campaign_redemption': var('campaign_redemption_features'),
        'coupon_redemption': var('coupon_redemption_features'),
        'churn_risk': var('churn_features'),
        'churn_risk_56d': var('churn_features'),
        'behaviour_cluster': var('behaviour_features'),
    }) }}
{%- endmacro %}
