{#
    What each model scores today, for audits.score_drift: one line a model.

    model: its registered name; inputs: the relation of its inputs (none: only its scores are compared); keys: what identifies a
    row of it; vector: an expression on it, the vector whose entries the card's profile names, in that order; scores: the
    relation of its scores (none: only its inputs are); score_keys: what identifies a row there; score: the column. A campaign is
    one draw, its inputs differ from one to the next: of the redemption models the scores alone are compared.
#}
{% macro scored_inputs() -%}
    {{ return([
        {'model': 'purchase_intent_blend', 'inputs': 'purchase_intent_inputs', 'keys': ['user_id'], 'vector': 'windows',
         'scores': 'purchase_intent_scores', 'score_keys': ['user_id'], 'score': 'purchase_intent'},
        {'model': 'interest', 'inputs': 'user_product_features', 'keys': ['user_id', 'product_id'], 'vector': 'features',
         'scores': 'interest_scores', 'score_keys': ['user_id', 'product_id'], 'score': 'interest'},
        {'model': 'subcategory_interest', 'inputs': 'user_subcategory_features', 'keys': ['user_id', 'subcategory'],
         'vector': 'features', 'scores': 'subcategory_interest_scores', 'score_keys': ['user_id', 'subcategory'],
         'score': 'subcategory_interest'},
        {'model': 'category_interest', 'inputs': 'user_category_features', 'keys': ['user_id', 'category'],
         'vector': 'features', 'scores': 'category_interest_scores', 'score_keys': ['user_id', 'category'],
         'score': 'category_interest'},
        {'model': 'promo_effect', 'inputs': 'promo_effect_inputs', 'keys': ['user_id', 'product_id'], 'vector': 'features',
         'scores': 'promo_effect_scores', 'score_keys': ['user_id', 'product_id'], 'score': 'promo_effect'},
        {'model': 'campaign_redemption', 'inputs': none, 'keys': [], 'vector': none,
         'scores': 'campaign_redemption_scores', 'score_keys': ['campaign_id', 'user_id'], 'score': 'campaign_redemption'},
        {'model': 'coupon_redemption', 'inputs': none, 'keys': [], 'vector': none,
         'scores': 'coupon_redemption_scores', 'score_keys': ['coupon_id', 'user_id'], 'score': 'coupon_redemption'},
        {'model': 'churn_risk', 'inputs': 'churn_features', 'keys': ['user_id'], 'vector': 'features',
         'scores': 'churn_risk_scores', 'score_keys': ['user_id'], 'score': 'churn_risk'},
        {'model': 'churn_risk_56d', 'inputs': 'churn_features', 'keys': ['user_id'], 'vector': 'features',
         'scores': 'churn_risk_56d_scores', 'score_keys': ['user_id'], 'score': 'churn_risk_56d'},
    ]) }}
{%- endmacro %}

{# Rows of a model that are compared, at most about so many: PSI of more would differ by less than .001. #}
{% macro drift_sample_rows() %}{{ return(20000) }}{% endmacro %}

{# A condition: is this row in the sample of about `size` rows of `relation`? Drawn by the hash of its key, the same every time. #}
{% macro in_hash_sample(relation, keys, size) -%}
    (
        {{ sample_bucket(keys, 10000) }}
        * (select count(*) as row_count from {{ relation }}) < {{ 10000 * size }}
    )
{%- endmacro %}
