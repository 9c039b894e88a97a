-- how the sales of each category answer to its prices: elasticities, how sure they are, and what they may be used for
{{ config(materialized='table') }}

{% set parts = {'net': 'elasticity', 'older': 'older', 'newer': 'newer', 'regular': 'regular', 'placebo': 'placebo'} %}
with dates as (

    select as_of_date from {{ ref('as_of_dates') }}

),

-- means of a half, or of the whole, taken off once more
halves as (

    select
        as_of_date,
        category,
        product_id,
        is_newer_half,
        weeks,
        sales_discount + sales_regular - (discount + regular) * sales / weeks as net_sales,
        discount_discount + 2 * discount_regular + regular_regular
        - (discount + regular) * (discount + regular) / weeks as net_net
    from {{ ref('product_price_response') }}

),

whole as (

    select
        as_of_date,
        category,
        product_id,
        sum(weeks) as weeks,
        {{ exact_sum('sales') }} as sales,
        {{ exact_sum('discount + regular') }} as net,
        {{ exact_sum('regular') }} as regular,
        {{ exact_sum('placebo') }} as placebo,
        {{ exact_sum('sales_discount + sales_regular') }} as net_sales,
        {{ exact_sum('discount_discount + 2 * discount_regular + regular_regular') }} as net_net,
        {{ exact_sum('sales_regular') }} as regular_sales,
        {{ exact_sum('regular_regular') }} as regular_regular,
        {{ exact_sum('sales_placebo') }} as placebo_sales,
        {{ exact_sum('placebo_placebo') }} as placebo_placebo
    from {{ ref('product_price_response') }}
    group by as_of_date, category, product_id

),

-- co-movement and variation of each product, for each question asked
moments as (

    {% for part in ['net', 'regular', 'placebo'] -%}
    select
        as_of_date,
        category,
        product_id,
        '{{ part }}' as part,
        weeks,
        {{ part }}_sales - {{ part }} * sales / weeks as together,
        {{ part }}_{{ part }} - {{ part }} * {{ part }} / weeks as alone
    from whole

    union all

    {% endfor -%}
    select
        as_of_date,
        category,
        product_id,
        case when is_newer_half then 'newer' else 'older' end as part,
        weeks,
        net_sales as together,
        net_net as alone
    from halves

),

varied as (

    select
        *,
        {{ exact_sum('together', 'over (partition by as_of_date, category, part)') }}
        / {{ exact_sum('alone', 'over (partition by as_of_date, category, part)') }} as slope
    from moments
    -- a price that never moves answers nothing; the rest of the division by weeks is no movement
    where alone > 0.000001

),

-- the slope within products and weeks, and its standard error clustered by product
slopes as (

    select
        as_of_date,
        category,
        part,
        cast(count(*) as integer) as products,
        cast(sum(weeks) as integer) as weeks,
        max(slope) as slope,
        sqrt({{ exact_sum('(together - slope * alone) * (together - slope * alone)') }} * count(*) / (count(*) - 1))
        / {{ exact_sum('alone') }} as std_error
    from varied
    group by as_of_date, category, part
    having count(*) >= 5

),

pivoted as (

    select
        as_of_date,
        category,
        max(case when part = 'net' then products end) as products,
        max(case when part = 'net' then weeks end) as product_weeks,
        {% for part, name in parts.items() -%}
        max(case when part = '{{ part }}' then slope end) as {{ part }}_slope,
        max(case when part = '{{ part }}' then std_error end) as {{ part }}_std_error,
        -- the 97.5 % point of Student's t with products − 1 degrees of freedom (Abramowitz and Stegun, 26.7.5)
        max(case when part = '{{ part }}' then 1.959964 + 2.372271 / (products - 1) end) as {{ part }}_critical,
        {% endfor -%}
        max(case when part = 'regular' then products end) as regular_products
    from slopes
    group by as_of_date, category

),

-- how categories differ beyond chance
weighed as (

    select
        as_of_date,
        category,
        net_slope as slope,
        greatest(net_std_error * net_std_error, 0.000001) as variance
    from pivoted
    where net_slope is not null

),

{{ random_effects('weighed', 'slope') }},

categories as (

    select distinct category
    from {{ ref('stg_products') }}

),

sold as (

    select
        dates.as_of_date,
        weeks.category,
        {{ exact_sum('weeks.net_price * weeks.units') }} as spend
    from {{ ref('product_price_weeks') }} as weeks
    inner join dates
        on
            {{ add_days('weeks.week_start', 7) }} <= dates.as_of_date
            and weeks.week_start >= {{ add_days('dates.as_of_date', -var('price_days')) }}
    group by dates.as_of_date, weeks.category

),

judged as (

    select
        dates.as_of_date,
        categories.category,
        coalesce(sold.spend, 0) as spend,
        pivoted.products,
        pivoted.product_weeks,
        {% for part in parts -%}
        pivoted.{{ part }}_slope,
        pivoted.{{ part }}_std_error,
        pivoted.{{ part }}_slope / nullif(pivoted.{{ part }}_std_error, 0) as {{ part }}_t,
        coalesce(pivoted.{{ part }}_slope < -pivoted.{{ part }}_critical * pivoted.{{ part }}_std_error, false)
            as {{ part }}_is_negative,
        coalesce(abs(pivoted.{{ part }}_slope) > pivoted.{{ part }}_critical * pivoted.{{ part }}_std_error, false)
            as {{ part }}_is_found,
        {% endfor -%}
        pivoted.regular_products,
        weighed.variance,
        overall.slope as overall_slope,
        overall.variance as overall_variance,
        overall.between_variance,
        -- the share of its way to the overall mean by which an estimate is drawn there; all of it without an estimate
        coalesce(weighed.variance / (weighed.variance + overall.between_variance), 1) as shrinkage
    from categories
    cross join dates
    left join pivoted
        on dates.as_of_date = pivoted.as_of_date and categories.category = pivoted.category
    left join weighed
        on dates.as_of_date = weighed.as_of_date and categories.category = weighed.category
    left join overall
        on dates.as_of_date = overall.as_of_date
    left join sold
        on dates.as_of_date = sold.as_of_date and categories.category = sold.category

),

final as (

    select
        as_of_date,
        category,
        cast(spend as decimal(18, 2)) as spend,
        coalesce(products, 0) as products,
        coalesce(product_weeks, 0) as product_weeks,
        cast(round(net_slope, 6) as double) as elasticity,
        cast(round(net_std_error, 6) as double) as std_error,
        cast(round(net_t, 6) as double) as t_value,
        net_is_negative as is_significant,
        cast(round(
            coalesce(net_slope, overall_slope) - shrinkage * (coalesce(net_slope, overall_slope) - overall_slope), 6
        ) as double) as shrunk_elasticity,
        cast(round(sqrt(
            coalesce((1 - shrinkage) * variance, between_variance) + shrinkage * shrinkage * overall_variance
        ), 6) as double) as shrunk_std_error,
        {% for half in ['older', 'newer'] -%}
        cast(round({{ half }}_slope, 6) as double) as {{ half }}_elasticity,
        cast(round({{ half }}_std_error, 6) as double) as {{ half }}_std_error,
        {% endfor -%}
        coalesce(regular_products, 0) as regular_products,
        cast(round(regular_slope, 6) as double) as regular_elasticity,
        cast(round(regular_std_error, 6) as double) as regular_std_error,
        cast(round(regular_t, 6) as double) as regular_t_value,
        regular_is_negative as supports_base_price,
        cast(round(placebo_slope, 6) as double) as placebo_elasticity,
        cast(round(placebo_t, 6) as double) as placebo_t_value,
        placebo_is_found,
        case
            when net_slope is null and overall_slope is null then 'no product was sold in enough weeks at different prices'
            when net_slope is null then 'too few products were sold at different prices: the mean of all categories stands in'
            when not net_is_negative then 'no response to the net price beyond chance'
            when regular_is_negative then 'responds to promoted prices, and to the regular price'
            else 'responds to promoted prices: good for how deep to promote, not for base prices'
        end as note
    from judged

)

select * from final
