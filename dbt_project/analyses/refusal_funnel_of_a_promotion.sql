-- How do the users of a promotion thin out until an offer is made, and where do most of them leave?
-- Write the promotion in `asked`; as it stands it asks about the one with a budget that has most open offers.
with asked as (

    select catalogue.promotion_id
    from {{ ref('promotion_catalogue') }} as catalogue
    left join {{ ref('open_offers') }} as offers on catalogue.promotion_id = offers.promotion_id
    where catalogue.budget is not null
    group by catalogue.promotion_id
    order by count(offers.offer_id) desc, catalogue.promotion_id
    limit 1

),

-- what may keep a user from each stage; codes as in policies.reject_codes
stages as (

    select
        stage.place,
        stage.name,
        stage.codes
    from (
        values
        (1, 'may be reached', ['HOLDOUT', 'CAMPAIGN_HOLDOUT', 'NO_CONSENT', 'HIDDEN', 'RISK_FLAG']),
        (2, 'promotion is open', ['NOT_YET_VALID', 'EXPIRED']),
        (
            3,
            'belongs to its audience',
            ['NOT_IN_SEGMENT', 'NOT_A_MEMBER', 'NOT_IN_CAMPAIGN', 'NOT_BIRTHDAY', 'WOULD_STAY', 'NO_UPLIFT']
        ),
        (
            4,
            'within caps and limits',
            [
                'CAP_USER', 'CAP_USER_DAY', 'CAP_USER_WEEK', 'CAP_USER_MONTH', 'CONTACT_LIMIT', 'ALREADY_OWNED',
                'EXCLUSIVE_GROUP', 'OFFER_LIMIT', 'CAP_REDEMPTIONS', 'BUDGET_EXHAUSTED'
            ]
        ),
        (5, 'worth it: eligible', ['NO_MATCHING_PRODUCT', 'NO_SCORE', 'MARGIN_FLOOR', 'NOT_INCREMENTAL'])
    ) as stage (place, name, codes)

),

pairs as (

    select
        eligibility.promotion_id,
        eligibility.user_id,
        eligibility.reject_reasons,
        coalesce(allocation.decision = 'OFFERED', false) as is_offered
    from {{ ref('coupon_eligibility') }} as eligibility
    inner join asked on eligibility.promotion_id = asked.promotion_id
    left join {{ ref('allocation') }} as allocation
        on eligibility.promotion_id = allocation.promotion_id and eligibility.user_id = allocation.user_id

),

-- the first stage that a user doesn't reach; 6 is the allocation of budgets, 7 is none
reached as (

    select
        pairs.promotion_id,
        pairs.user_id,
        coalesce(min(stages.place), case when any_value(pairs.is_offered) then 7 else 6 end) as lost_at
    from pairs
    left join stages on list_has_any(pairs.reject_reasons, stages.codes)
    group by pairs.promotion_id, pairs.user_id

),

named as (

    select
        0 as place,
        'considered' as stage
    union all
    select
        place,
        name as stage
    from stages
    union all
    select
        6 as place,
        'offered' as stage

),

final as (

    select
        reached.promotion_id,
        named.place,
        named.stage,
        count(*) filter (where reached.lost_at > named.place) as users,
        count(*) filter (where reached.lost_at = named.place) as lost_here
    from named
    cross join reached
    group by reached.promotion_id, named.place, named.stage

)

select
    promotion_id,
    stage,
    users,
    lost_here,
    round(users / max(users) over (), 4) as share_left
from final
order by place
