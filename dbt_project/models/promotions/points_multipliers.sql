-- spans of time in which a user's purchases earn other than the plain points: a tier held, an offer held
{{ config(materialized='table') }}
with tiers as (

    select
        user_id,
        tier,
        points_multiplier,
        as_of_date,
        lead(as_of_date) over (partition by user_id order by as_of_date) as next_change_on
    from {{ ref('loyalty_tier_changes') }}

),

spans as (

    select
        user_id,
        'tier' as source,
        tier as source_id,
        points_multiplier,
        cast(null as decimal(18, 2)) as min_spend,
        cast(null as string) as categories,
        {{ utc_midnight('as_of_date') }} as held_from,
        {{ utc_midnight('next_change_on') }} as held_until
    from tiers
    where points_multiplier <> 1

    union all

    select
        offers.user_id,
        'offer' as source,
        offers.promotion_id as source_id,
        offers.points_multiplier,
        offers.min_spend,
        offers.categories,
        {{ utc_midnight('offers.as_of_date') }} as held_from,
        offers.valid_to as held_until
    from {{ earlier_offers() }} as offers
    -- by the terms of the offer, whatever the catalogue says today;
    -- offers of the day itself are made after this, and a day built again would find those it made before
    where
        offers.points_multiplier is not null
        and offers.as_of_date <> (select max(dates.data_until) as day from {{ ref('as_of_dates') }} as dates)

),

final as (

    select
        user_id,
        source,
        source_id,
        cast(points_multiplier as double) as points_multiplier,
        min_spend,
        categories,
        held_from,
        held_until
    from spans

)

select * from final
