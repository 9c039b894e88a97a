{#
    The interest model's feature vector, in order. The first 2n entries are n pairs (u_1 … u_n, p_1 … p_n): the article's
    linear form reads them alone and multiplies them pair by pair; the learned scorer reads the whole vector. No entry is a
    protected attribute. Both lists stand once, here; models/features/user_product_features.sql computes each column.
#}
{% macro interest_pairs() %}
    {{ return([
        ('user_category_affinity', 'product_category_share'),
        ('user_discount_share', 'product_discount_share'),
        ('user_brand_affinity', 'product_brand_share'),
        ('user_price_level', 'product_price_level'),
        ('user_rebuy_share', 'product_rebuy_rate'),
        ('user_visit_rate', 'product_popularity'),
    ]) }}
{% endmacro %}

{% macro interest_features() %}
    {%- set names = [] -%}
    {%- for user_side, product_side in interest_pairs() -%}{%- do names.append(user_side) -%}{%- endfor -%}
    {%- for user_side, product_side in interest_pairs() -%}{%- do names.append(product_side) -%}{%- endfor -%}
    {{ return(names + [
        'own_purchase_days', 'own_recency_days', 'own_affinity', 'own_overdue_ratio', 'own_views_28d', 'own_carts_28d',
        'own_days_since_last_view', 'category_purchase_days', 'category_recency_days', 'category_views_28d',
        'neighbour_score', 'candidate_rank', 'product_buyers_28d', 'product_trend', 'product_discount_now',
        'product_mailer_stores', 'product_display_stores', 'user_recency_days', 'user_visit_days_28d', 'user_lines_per_order',
    ]) }}
{% endmacro %}
