-- Which guardrail moves most prices away from what the formula says, and by how much?
with prices as (

    select
        coalesce(binding_guardrail, 'none') as guardrail,
        user_id,
        product_id,
        list_price,
        formula_price,
        personal_price,
        non_personal_price
    from {{ ref('dynamic_prices') }}

),

final as (

    select
        guardrail,
        count(*) as prices,
        round(count(*) / sum(count(*)) over (), 4) as share_of_prices,
        count(distinct product_id) as products,
        -- above 0: the guardrail keeps the price up
        round(avg((personal_price - formula_price) / nullif(list_price, 0)), 4) as mean_move_of_list_price,
        round(avg(1 - formula_price / nullif(list_price, 0)), 4) as mean_discount_by_formula,
        round(avg(1 - personal_price / nullif(list_price, 0)), 4) as mean_discount_given
    from prices
    group by guardrail

)

select * from final
order by prices desc, guardrail
