-- each rule that prices, offers and audiences must keep, and how often it is broken: never, or the build fails
with dates as (

    {{ scoring_day() }}

),

found as (

    select
        rule,
        count(*) as violations,
        min(concat_ws(' ', relation, row_key, evidence)) as sample
    from {{ ref('compliance_violations') }}
    group by rule

),

-- what was looked at, so that no violation among no rows is seen for what it is
sizes as (

    select
        (select count(*) from {{ ref('dynamic_prices') }}) as prices,
        (
            select count(*)
            from {{ ref('offers') }} as offers
            where offers.as_of_date = dates.as_of_date
        ) as offers,
        (select count(*) from {{ ref('recommendations') }}) as recommendations,
        (
            select count(*)
            from {{ ref('user_permissions') }} as permissions
            where permissions.as_of_date = dates.as_of_date and not permissions.personalisation_consent
        ) as refusers,
        (select count(*) from {{ ref('promotion_terms') }}) as promotions,
        dates.as_of_date
    from dates

),

final as (

    select
        sizes.as_of_date,
        rules.rule,
        rules.sentence,
        rules.source,
        case
            when rules.rule in ('PRIOR_PRICE', 'DISCLOSURE', 'LIST_PRICE', 'NON_PERSONAL_TWIN', 'NO_PERSONAL_PRICE')
                then sizes.prices
            when rules.rule = 'NO_PERSONAL_RECOMMENDATION' then sizes.recommendations
            when rules.rule = 'NO_PROFILE' then sizes.refusers
            when rules.rule in ('BUDGET', 'MAX_REDEMPTIONS') then sizes.promotions
            else sizes.offers
        end as rows_checked,
        coalesce(found.violations, 0) as violations,
        found.sample,
        rules.evidence_query
    from {{ ref('compliance_rules') }} as rules
    cross join sizes
    left join found on rules.rule = found.rule

)

select * from final
order by rule
