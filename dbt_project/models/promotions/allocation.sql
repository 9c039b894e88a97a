-- which eligible promotions become offers, by the strategy in use, and what the others fell to
{{ config(materialized='table') }}

with pairs as (

    select
        *,
        -- what each unit of money brings
        expected_margin / greatest(cost, 0.01) as efficiency
    from {{ ref('eligible_promotions') }}

),

taken as (

    select * from ({{ allocated('strategies.is_in_use') }}) as offers

),

users as (

    select
        user_id,
        count(*) as offers,
        max(user_rank) as last_rank
    from taken
    group by user_id

),

money as (

    select
        budget_id,
        sum(cost) as reserved
    from taken
    group by budget_id

),

classes as (

    select
        user_id,
        choice_class
    from taken

),

final as (

    select
        pairs.as_of_date,
        pairs.user_id,
        pairs.promotion_id,
        pairs.user_rank,
        cast(pairs.efficiency as double) as efficiency,
        case
            when taken.user_id is not null then 'OFFERED'
            when classes.user_id is not null then 'EXCLUSIVE_GROUP'
            -- one that outranks an offer made fell to its budget, or to its bound on uses
            when pairs.user_rank > users.last_rank and users.offers >= pairs.offers_left then 'OFFER_LIMIT'
            when pairs.cost > pairs.budget_left - coalesce(money.reserved, 0) or pairs.redemptions_left is null
                then 'BUDGET_EXHAUSTED'
            else 'CAP_REDEMPTIONS'
        end as decision
    from pairs
    left join taken on pairs.user_id = taken.user_id and pairs.promotion_id = taken.promotion_id
    left join classes on pairs.user_id = classes.user_id and pairs.choice_class = classes.choice_class
    left join users on pairs.user_id = users.user_id
    left join money on pairs.budget_id = money.budget_id

)

select * from final
