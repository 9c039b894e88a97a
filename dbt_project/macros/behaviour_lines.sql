{#
    The CTE `lines`: the purchases of the last behaviour_days days before each as-of date, which say how people shop, from the model
    `bought`.
#}
{% macro behaviour_lines(bought='stg_order_lines') -%}
lines as (

    select
        dates.as_of_date,
        lines.user_id,
        lines.order_id,
        lines.product_id,
        lines.store_id,
        lines.ordered_on,
        coalesce(products.category, 'unknown') as category,
        products.brand,
        lines.list_price,
        lines.paid_price,
        lines.quantity * coalesce(lines.paid_price, 0) as spend,
        lines.quantity * coalesce(lines.list_price, 0) as list_spend
    from {{ ref(bought) }} as lines
    inner join {{ ref('as_of_dates') }} as dates
        on
            lines.ordered_on < dates.as_of_date
            and lines.ordered_on >= {{ add_days('dates.as_of_date', -var('behaviour_days')) }}
    left join {{ ref('stg_products') }} as products on lines.product_id = products.product_id
    where lines.quantity > 0

)
{%- endmacro %}
