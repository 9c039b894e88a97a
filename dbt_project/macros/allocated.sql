{#
    Offers by strategy: strategy, user_id, promotion_id, budget_id, cost and user_rank of what each strategy takes, for the strategies
    of the seed for which `which` holds. Users pick their best, one of each class of
    choice, each budget and each bound on uses is cut where it ends, best score first, and who
    lost a pick takes the next best that is still to be had, `refills` times.
    For expected_margin the score is the margin less what the budget is worth elsewhere (Lagrangian relaxation of the multiple-choice
    knapsack: Everett 1963; Sinha and Zoltners 1979); the other strategies look at one number alone.
#}
{% macro allocated(which, refills=2) -%}
with scored as (

    select
        strategies.strategy,
        pairs.user_id,
        pairs.promotion_id,
        pairs.budget_id,
        pairs.priority,
        pairs.choice_class,
        pairs.cost,
        pairs.budget_left,
        pairs.redemptions_left,
        pairs.offers_left,
        pairs.user_rank,
        case strategies.strategy
            when 'expected_margin'
                then pairs.expected_margin - coalesce(money.price, 0) * pairs.cost - coalesce(uses.price, 0)
            when 'purchase_probability' then coalesce(pairs.purchase_intent, 0)
            when 'expected_redemption' then pairs.redemption_score
            else {{ hash_bucket("concat_ws('|', pairs.user_id, pairs.promotion_id)", 1000000) }}
        end as score
    from {{ ref('eligible_promotions') }} as pairs
    cross join {{ ref('allocation_strategies') }} as strategies
    left join {{ ref('budget_prices') }} as money
        on pairs.budget_id = money.resource_id and money.resource = 'budget'
    left join {{ ref('budget_prices') }} as uses
        on pairs.promotion_id = uses.resource_id and uses.resource = 'redemptions'
    where {{ which }}

),

best_0 as (

    select *
    from scored
    -- a pick that doesn't earn what its budget is worth elsewhere waits for the refills
    where score > 0 or strategy <> 'expected_margin'
    qualify
        row_number() over (partition by strategy, user_id, choice_class order by score desc, priority, promotion_id) = 1

),

picked_0 as (

    select *
    from best_0
    qualify
        row_number() over (partition by strategy, user_id order by score desc, priority, promotion_id)
        <= offers_left

),

taken_0 as ({{ cut_at_capacity('picked_0') }})
{%- for refill in range(1, refills + 1) %},
{%- set before = 'taken_' ~ (refill - 1) %}

money_{{ refill }} as (

    select
        strategy,
        budget_id,
        sum(cost) as taken
    from {{ before }}
    group by strategy, budget_id

),

uses_{{ refill }} as (

    select
        strategy,
        promotion_id,
        count(*) as taken
    from {{ before }}
    group by strategy, promotion_id

),

users_{{ refill }} as (

    select
        strategy,
        user_id,
        count(*) as offers
    from {{ before }}
    group by strategy, user_id

),

picked_{{ refill }} as (

    select
        scored.strategy,
        scored.user_id,
        scored.promotion_id,
        scored.budget_id,
        scored.priority,
        scored.choice_class,
        scored.cost,
        scored.user_rank,
        scored.score,
        cast(scored.budget_left - coalesce(money.taken, 0) as decimal(18, 2)) as budget_left,
        cast(scored.redemptions_left - coalesce(uses.taken, 0) as integer) as redemptions_left
    from scored
    left join money_{{ refill }} as money
        on scored.strategy = money.strategy and scored.budget_id = money.budget_id
    left join uses_{{ refill }} as uses
        on scored.strategy = uses.strategy and scored.promotion_id = uses.promotion_id
    left join users_{{ refill }} as users
        on scored.strategy = users.strategy and scored.user_id = users.user_id
    left join {{ before }} as held
        on scored.strategy = held.strategy and scored.user_id = held.user_id and scored.choice_class = held.choice_class
    where
        held.user_id is null
        and coalesce(users.offers, 0) < scored.offers_left
        and coalesce(scored.cost <= scored.budget_left - coalesce(money.taken, 0), true)
        and coalesce(scored.redemptions_left - coalesce(uses.taken, 0) >= 1, true)
    qualify
        row_number() over (
            partition by scored.strategy, scored.user_id order by scored.score desc, scored.priority, scored.promotion_id
        ) = 1

),

taken_{{ refill }} as (

    select * from {{ before }}
    union all
    ({{ cut_at_capacity('picked_' ~ refill) }})

)
{%- endfor %}

select *
from taken_{{ refills }}
{%- endmacro %}

{# The picks that each budget and each bound on uses admits, best score first. Columns that the next round needs. #}
{% macro cut_at_capacity(picks) -%}

    select
        strategy,
        user_id,
        promotion_id,
        budget_id,
        choice_class,
        cost,
        user_rank
    from (
        select
            *,
            sum(cost) over (
                partition by strategy, budget_id order by score desc, user_id, promotion_id
                rows between unbounded preceding and current row
            ) as cost_so_far,
            count(*) over (
                partition by strategy, promotion_id order by score desc, user_id
                rows between unbounded preceding and current row
            ) as uses_so_far
        from {{ picks }}
    ) as queued
    where coalesce(cost_so_far <= budget_left, true) and coalesce(uses_so_far <= redemptions_left, true)

{% endmacro %}
