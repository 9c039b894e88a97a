-- the offers made: a decision on record, kept for every as-of date
{{ config(
    materialized='incremental',
    unique_key='as_of_date',
    incremental_strategy='delete+insert',
    on_schema_change='append_new_columns',
    full_refresh=false,
    pre_hook=["{{ remember_rows() }}", "{{ forget_offers_of_the_day() }}"],
    post_hook="{{ note_changed_rows() }}"
) }}
-- depends_on: {{ ref('as_of_dates') }}

with decided as (

    select *
    from {{ ref('allocation') }}
    where decision = 'OFFERED'

),

eligible as (

    select *
    from {{ ref('coupon_eligibility') }}
    where is_eligible

),

final as (

    select
        substr(md5(concat_ws(
            '|', cast(decided.as_of_date as string), decided.user_id, decided.promotion_id
        )), 1, 16) as offer_id,
        decided.as_of_date,
        decided.user_id,
        decided.promotion_id,
        eligible.promotion_name,
        eligible.kind,
        eligible.campaign_id,
        eligible.campaign_name,
        eligible.face_value,
        terms.amount_off,
        terms.percent_off,
        terms.points_multiplier,
        eligible.min_spend,
        terms.categories,
        eligible.product_id,
        eligible.valid_from,
        eligible.valid_to,
        eligible.cost as reserved_budget,
        eligible.redemption_score,
        eligible.expected_margin,
        decided.user_rank,
        terms.priority,
        terms.exclusive_group,
        terms.group_winner,
        terms.is_stackable,
        terms.min_margin,
        concat_ws(
            '', 'Ranked ', cast(decided.user_rank as string), ' among the promotions open to the user, by expected margin ',
            cast(cast(eligible.expected_margin as decimal(18, 2)) as string), '.', ' ' || eligible.feedback
        ) as reason
    from decided
    inner join eligible
        on decided.user_id = eligible.user_id and decided.promotion_id = eligible.promotion_id
    inner join {{ ref('promotion_terms') }} as terms on decided.promotion_id = terms.promotion_id

)

select * from final
-- a user's offers of a day lie together, so that a lookup reads them alone
order by user_id, promotion_id
