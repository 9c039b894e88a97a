-- order lines on which any coupon was used, by user, product and day: who is used to coupons, and for what
with lines as (

    select
        user_id,
        product_id,
        ordered_on,
        coupon_id,
        {% if var('line_coupon_column') -%}
        {{ json_number('x_columns', "'" ~ var('line_coupon_column') ~ "'") }}
        {%- else -%}
        cast(null as double)
        {%- endif %} as money
    from {{ ref('stg_order_lines') }}
    where quantity > 0

),

final as (

    select
        user_id,
        product_id,
        ordered_on as used_on,
        cast(count(*) as integer) as lines,
        {{ exact_sum('coalesce(money, 0)') }} as money
    from lines
    where coupon_id is not null or money > 0
    group by user_id, product_id, ordered_on

)

select * from final
