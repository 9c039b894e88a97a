{#
    The offers on record, read before today's are made: a ref would be a circle, for today's rest on them. An empty relation on the
    first build.
#}
{% macro earlier_offers() -%}
    {%- set kept = none -%}
    {%- if execute -%}
        {%- set kept = adapter.get_relation(database=target.database, schema='promotions', identifier='offers') -%}
    {%- endif -%}
    {%- if kept is not none -%}
        {{ kept }}
    {%- else -%}
        (
        select
            cast(null as string) as offer_id,
            cast(null as date) as as_of_date,
            cast(null as string) as user_id,
            cast(null as string) as promotion_id,
            cast(null as string) as campaign_id,
            cast(null as string) as kind,
            cast(null as double) as points_multiplier,
            cast(null as decimal(18, 2)) as min_spend,
            cast(null as string) as categories,
            cast(null as string) as product_id,
            cast(null as timestamp) as valid_to,
            cast(null as decimal(18, 2)) as reserved_budget
        where false
    )
    {%- endif -%}
{%- endmacro %}
