{#
    A whole model: was each candidate of `candidates` (as_of_date, user_id, `key`: a column of products) bought within the var
    `days` from the as-of date on? Only as-of dates whose days are over have rows.
#}
{% macro bought_labels(key, candidates, days) -%}
with candidates as (

    select
        candidates.as_of_date,
        candidates.user_id,
        candidates.{{ key }}
    from {{ ref(candidates) }} as candidates
    inner join {{ ref('as_of_dates') }} as dates on candidates.as_of_date = dates.as_of_date
    where {{ add_days('dates.as_of_date', var(days)) }} <= dates.data_until

),

bought as (

    select distinct
        dates.as_of_date,
        lines.user_id,
        products.{{ key }}
    from {{ ref('stg_order_lines') }} as lines
    inner join {{ ref('stg_products') }} as products on lines.product_id = products.product_id
    inner join {{ ref('as_of_dates') }} as dates
        on
            lines.ordered_on >= dates.as_of_date
            and lines.ordered_on < {{ add_days('dates.as_of_date', var(days)) }}
    where lines.quantity > 0

),

final as (

    select
        candidates.as_of_date,
        candidates.user_id,
        candidates.{{ key }},
        bought.{{ key }} is not null as is_bought
    from candidates
    left join bought
        on
            candidates.as_of_date = bought.as_of_date
            and candidates.user_id = bought.user_id
            and candidates.{{ key }} = bought.{{ key }}

)

select * from final
{%- endmacro %}
