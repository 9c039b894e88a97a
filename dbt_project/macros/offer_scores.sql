{#
    The scores behind an offer, each with what its model read. scores: the relation; score: its column; keys: what it is of (an
    offer calls a coupon its promotion); inputs and vector: the relation and column of the features; names: theirs, in order.
#}
{% macro offer_scores() -%}
    {%- set windows = [] -%}
    {%- for names in var('intent_windows').values() -%}{%- do windows.extend(names) -%}{%- endfor -%}
    {{ return([
        {'scores': 'purchase_intent_scores', 'score': 'purchase_intent', 'keys': ['user_id'],
         'inputs': 'purchase_intent_inputs', 'vector': 'windows', 'names': windows},
        {'scores': 'churn_risk_scores', 'score': 'churn_risk', 'keys': ['user_id'],
         'inputs': 'churn_features', 'vector': 'features', 'names': var('churn_features')},
        {'scores': 'interest_scores', 'score': 'interest', 'keys': ['user_id', 'product_id'],
         'inputs': 'user_product_features', 'vector': 'features', 'names': interest_features()},
        {'scores': 'promo_effect_scores', 'score': 'promo_effect', 'keys': ['user_id', 'product_id'],
         'inputs': 'promo_effect_inputs', 'vector': 'features',
         'names': ['interest'] + var('promo_effect_product') + var('promo_effect_features')},
        {'scores': 'coupon_redemption_scores', 'score': 'coupon_redemption', 'keys': ['user_id', 'coupon_id'],
         'inputs': 'coupon_redemption_features', 'vector': 'features', 'names': var('coupon_redemption_features')},
    ]) }}
{%- endmacro %}
