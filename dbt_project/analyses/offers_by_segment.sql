-- Who gets the offers? Open offers, what they set aside and what they should bring, by life cycle and value tier.
-- Segments of fewer people than min_audience_size are left out.
with users as (

    select
        segments.user_id,
        segments.life_cycle,
        segments.value_tier
    from {{ ref('user_segments') }} as segments

),

held as (

    select
        open_offers.user_id,
        count(*) as offers,
        sum(offers.reserved_budget) as reserved_budget,
        sum(offers.expected_margin) as expected_margin,
        sum(offers.redemption_score) as expected_redemptions
    from {{ ref('open_offers') }} as open_offers
    inner join {{ ref('offers') }} as offers on open_offers.offer_id = offers.offer_id
    group by open_offers.user_id

),

final as (

    select
        users.life_cycle,
        users.value_tier,
        count(*) as users,
        round(count(held.user_id) / count(*), 4) as share_with_offer,
        coalesce(sum(held.offers), 0) as offers,
        coalesce(sum(held.reserved_budget), 0) as reserved_budget,
        round(sum(held.expected_redemptions), 1) as expected_redemptions,
        round(sum(held.expected_margin), 2) as expected_margin,
        round(sum(held.expected_margin) / sum(held.offers), 2) as expected_margin_each
    from users
    left join held on users.user_id = held.user_id
    group by users.life_cycle, users.value_tier

)

select final.*
from final
inner join {{ ref('policy_values') }} as policy on policy.name = 'min_audience_size'
where final.users >= policy.value
order by final.expected_margin desc nulls last, final.life_cycle, final.value_tier
