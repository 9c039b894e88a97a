-- how much deeper discounted than others' were each user's purchases of the same products, before the as-of date
{% set since = add_days('dates.as_of_date', -var('price_days')) %}
{% set window = 'lines.ordered_on < dates.as_of_date and lines.ordered_on >= ' ~ since %}
with {{ discount_use(window) }},

final as (

    select * from discount_use

)

select * from final
