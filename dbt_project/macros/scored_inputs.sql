{#
    What each model scores today, for audits.score_drift and for the test that it learned from that very vector: one line a model.

    model: its registered name; inputs: the relation of its inputs (none: only its scores are compared); keys: what identifies a
    row of it; vector: an expression on it, the vector whose entries the card's profile names, in that order; scores: the
    relation of its scores (none: only its inputs are); score_keys: what identifies a row there; score: the column; features: names
    of the vector's entries, in their order. A campaign is one draw, its inputs differ from one to the next: of the redemption
    models the scores alone are compared. Of clusters nothing is.
#}
{% macro scored_inputs() -%}
    {{ return([
        {'model': 'purchase_intent_blend', 'inputs': 'purchase_intent_inputs', 'keys': ['user_id'], 'vector': 'windows',
         'scores': 'purchase_intent_scores', 'score_keys': ['user_id'], 'score': 'purchase_intent',
         'features': var('intent_windows').values() | sum(start=[])},
        {'model': 'interest', 'inputs': 'user_product_features', 'keys': ['user_id', 'product_id'], 'vector': 'features',
         'scores': 'interest_scores', 'score_keys': ['user_id', 'product_id'], 'score': 'interest',
         'features': interest_features()},
        {'model': 'subcategory_interest', 'inputs': 'user_subcategory_features', 'keys': ['user_id', 'subcategory'],
         'vector': 'features', 'scores': 'subcategory_interest_scores', 'score_keys': ['user_id', 'subcategory'],
         'score': 'subcategory_interest',
         'features': var('subcategory_interest_features')},
        {'model': 'category_interest', 'inputs': 'user_category_features', 'keys': ['user_id', 'category'],
         'vector': 'features', 'scores': 'category_interest_scores', 'score_keys': ['user_id', 'category'],
         'score': 'category_interest',
         'features': var('category_interest_features')},
        {'model': 'promo_effect', 'inputs': 'promo_effect_inputs', 'keys': ['user_id', 'product_id'], 'vector': 'features',
         'scores': 'promo_effect_scores', 'score_keys': ['user_id', 'product_id'], 'score': 'promo_effect',
         'features': ['interest'] + var('promo_effect_product') + var('promo_effect_features')},
        {'model': 'campaign_redemption', 'inputs': none, 'keys': [], 'vector': none,
         'scores': 'campaign_redemption_scores', 'score_keys': ['campaign_id', 'user_id'], 'score': 'campaign_redemption',
         'features': var('campaign_redemption_features')},
        {'model': 'coupon_redemption', 'inputs': none, 'keys': [], 'vector': none,
         'scores': 'coupon_redemption_scores', 'score_keys': ['coupon_id', 'user_id'], 'score': 'coupon_redemption',
         'features': var('coupon_redemption_features')},
        {'model': 'churn_risk', 'inputs': 'churn_features', 'keys': ['user_id'], 'vector': 'features',
         'scores': 'churn_risk_scores', 'score_keys': ['user_id'], 'score': 'churn_risk',
         'features': var('churn_features')},
        {'model': 'churn_risk_56d', 'inputs': 'churn_features', 'keys': ['user_id'], 'vector': 'features',
         'scores': 'churn_risk_56d_scores', 'score_keys': ['user_id'], 'score': 'churn_risk_56d',
         'features': var('churn_features')},
        {'model': 'behaviour_cluster', 'inputs': none, 'keys': [], 'vector': none, 'scores': none, 'score_keys': [],
         'score': none, 'features': var('behaviour_features')},
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
