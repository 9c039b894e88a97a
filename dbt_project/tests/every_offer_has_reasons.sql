-- open offers that rest on a score and have no reason in one of the languages
{{ config(meta={'by_user': true}) }}
with dates as (

    {{ scoring_day('as_of_at') }}

),

told as (

    select
        offer_id,
        count(distinct language) as languages
    from {{ ref('offer_reasons') }}
    where decision = 'offered'
    group by offer_id

)

select
    offers.offer_id,
    offers.user_id,
    offers.promotion_id
from {{ ref('offers') }} as offers
-- what is known of an offer of today; the score behind an earlier one may be gone
inner join dates on offers.as_of_date = dates.as_of_date
inner join {{ ref('user_permissions') }} as permissions
    on dates.as_of_date = permissions.as_of_date and offers.user_id = permissions.user_id
left join {{ ref('interest_scores') }} as scores on offers.user_id = scores.user_id and offers.product_id = scores.product_id
left join told on offers.offer_id = told.offer_id
where
    permissions.personalisation_consent
    and coalesce(told.languages, 0) < {{ var('reason_languages') | length }}
    and (offers.product_id is null or scores.user_id is not null)
