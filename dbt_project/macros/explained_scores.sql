{#
    The scores that offers rest on, whose reasons are kept and told by promo trace: one line each.

    score: its name, and that of its SQL function's reasons unless `function` says otherwise; scores, inputs: the relations of its
    scores and of what the model read; item: the column beside user_id that a row of them is about (none: the user alone);
    arguments: what the function reads of `inputs`; features: names of the entries of those vectors, one after another;
    first: a contribution that belongs to no entry and stands before them; link: log_odds, or none where the margin is the score.
#}
{% macro explained_scores() -%}
    {%- set vectors = model_vectors() -%}
    {%- set events = [] -%}
    {%- for place in range(1, sequence_length() + 1) -%}{%- do events.append('token_' ~ place) -%}{%- endfor -%}
    {{ return([
        {'score': 'purchase_intent', 'function': 'purchase_intent_blend', 'scores': 'purchase_intent_scores',
         'inputs': 'purchase_intent_inputs', 'item': none, 'arguments': ['tokens', 'windows'],
         'features': events + vectors.purchase_intent_blend, 'link': 'log_odds'},
        {'score': 'churn_risk', 'scores': 'churn_risk_scores', 'inputs': 'churn_features', 'item': none,
         'arguments': ['features'], 'features': vectors.churn_risk, 'link': 'log_odds'},
        {'score': 'interest', 'scores': 'interest_scores', 'inputs': 'user_product_features', 'item': 'product_id',
         'arguments': ['features'], 'features': vectors.interest, 'link': 'log_odds'},
        {'score': 'promo_effect', 'scores': 'promo_effect_scores', 'inputs': 'promo_effect_inputs', 'item': 'product_id',
         'arguments': ['features'], 'features': vectors.promo_effect,
         'first': 'treatment', 'link': none},
        {'score': 'coupon_redemption', 'scores': 'coupon_redemption_scores', 'inputs': 'coupon_redemption_features',
         'item': 'coupon_id', 'arguments': ['features'], 'features': vectors.coupon_redemption, 'link': 'log_odds'},
        {'score': 'category_interest', 'scores': 'category_interest_scores', 'inputs': 'user_category_features',
         'item': 'category', 'arguments': ['features'], 'features': vectors.category_interest, 'link': 'log_odds'},
    ]) }}
{%- endmacro %}

{# Rows for features.score_inputs: score, feature, place from the end, and whether the feature is a protected attribute. #}
{% macro score_input_rows() -%}
    {%- set protected = protected_attributes() -%}
    {%- set rows = [] -%}
    {%- for told in explained_scores() -%}
        {%- set names = ([told.first] if told.get('first') else []) + told.features -%}
        {%- for name in names -%}
            {%- set fields = ["'" ~ told.score ~ "'", "'" ~ name ~ "'", names | length - loop.index0, name in protected] -%}
            {%- do rows.append('(' ~ fields | join(', ') ~ ')') -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(rows) }}
{%- endmacro %}
