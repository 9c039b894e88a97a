-- what one more unit of a budget, or one more use of a capped promotion, would bring: its shadow price
-- The dual of the knapsack, solved by RPROP (Riedmiller and Braun, 1993): each round every user picks what is best at today's
-- prices; where the picks take more than there is the price rises, else it falls; a stride grows while the direction holds, is
-- halved when it turns.
{{ config(materialized='table') }}
{% set rounds = 40 %}
{% set net_value = "pairs.expected_margin - coalesce(money.price, 0) * pairs.cost - coalesce(uses.price, 0)" %}
with recursive sample as (

    select
        (select count(distinct user_id) from {{ ref('allocation_sample') }}) * 1.0
        / nullif((select count(distinct user_id) from {{ ref('eligible_promotions') }}), 0) as share

),

resources as (

    select
        'budget' as resource,
        budget_id as resource_id,
        cast(max(budget_left) as double) as capacity,
        {{ exact_sum('expected_margin') }} / greatest({{ exact_sum('cost') }}, 0.01) as first_price
    from {{ ref('eligible_promotions') }}
    where budget_left is not null
    group by budget_id

    union all

    select
        'redemptions' as resource,
        promotion_id as resource_id,
        cast(max(redemptions_left) as double) as capacity,
        {{ exact_avg('expected_margin') }} as first_price
    from {{ ref('eligible_promotions') }}
    where redemptions_left is not null
    group by promotion_id

),

search as (

    select
        0 as round,
        resources.resource,
        resources.resource_id,
        resources.capacity * sample.share as capacity,
        cast(0 as double) as price,
        cast(resources.first_price / 4 as double) as stride,
        0 as direction,
        cast(0 as double) as taken
    from resources
    cross join sample

    union all

    select
        moved.round + 1 as round,
        moved.resource,
        moved.resource_id,
        moved.capacity,
        greatest(0, moved.price + moved.new_direction * moved.new_stride) as price,
        moved.new_stride as stride,
        moved.new_direction as direction,
        moved.taken
    from (
        select
            search.round,
            search.resource,
            search.resource_id,
            search.capacity,
            search.price,
            coalesce(demand.taken, 0) as taken,
            case when coalesce(demand.taken, 0) > search.capacity then 1 else -1 end as new_direction,
            search.stride * case
                when search.direction = 0 then 1
                when (search.direction = 1) = (coalesce(demand.taken, 0) > search.capacity) then 1.25
                else 0.5
            end as new_stride
        from search
        left join (
            select
                wanted.resource,
                wanted.resource_id,
                cast(sum(case when wanted.resource = 'budget' then picked.cost else 1 end) as double) as taken
            from (
                select
                    best.promotion_id,
                    best.budget_id,
                    best.cost,
                    best.offers_left,
                    row_number() over (
                        partition by best.user_id order by best.net_value desc, best.priority, best.promotion_id
                    ) as place
                from (
                    select
                        pairs.*,
                        {{ net_value }} as net_value,
                        row_number() over (
                            partition by pairs.user_id, pairs.choice_class
                            order by {{ net_value }} desc, pairs.priority, pairs.promotion_id
                        ) as place_in_class
                    from {{ ref('allocation_sample') }} as pairs
                    left join search as money
                        on pairs.budget_id = money.resource_id and money.resource = 'budget'
                    left join search as uses
                        on pairs.promotion_id = uses.resource_id and uses.resource = 'redemptions'
                    where {{ net_value }} > 0
                ) as best
                where best.place_in_class = 1
            ) as picked
            inner join search as wanted
                on case wanted.resource when 'budget' then picked.budget_id else picked.promotion_id end = wanted.resource_id
            where picked.place <= picked.offers_left
            group by wanted.resource, wanted.resource_id
        ) as demand
            on search.resource = demand.resource and search.resource_id = demand.resource_id
        where search.round < {{ rounds }}
    ) as moved

),

final as (

    select
        resources.resource,
        resources.resource_id,
        resources.capacity,
        cast(search.taken / nullif(sample.share, 0) as double) as taken,
        cast(search.price as double) as price
    from search
    inner join resources on search.resource = resources.resource and search.resource_id = resources.resource_id
    cross join sample
    where search.round = {{ rounds }}

)

select * from final
