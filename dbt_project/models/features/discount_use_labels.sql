-- how much deeper discounted than others' are each user's purchases of the same products in the half-year after the as-of date
{% set until = add_days('dates.as_of_date', var('discount_label_days')) %}
{% set is_over = until ~ ' <= dates.data_until' %}
{% set window = 'lines.ordered_on >= dates.as_of_date and lines.ordered_on < ' ~ until ~ ' and ' ~ is_over %}
with {{ discount_use(window) }},

final as (

    select
        as_of_date,
        user_id,
        cast(sum(purchases) as integer) as purchases,
        {{ exact_sum('discount') }} / nullif({{ exact_sum('list_spend') }}, 0) as discount_share,
        cast(sum(compared_purchases) as integer) as compared_purchases,
        -- positive: deeper than others
        -{{ exact_sum('excess_depth') }} / nullif(sum(compared_purchases), 0) as excess_discount,
        cast(sum(compared_reduced_purchases) - {{ exact_sum('expected_reduced_purchases') }} as double)
        / nullif(sum(compared_purchases), 0) as excess_reduced_share
    from discount_use
    group by as_of_date, user_id

)

select * from final
