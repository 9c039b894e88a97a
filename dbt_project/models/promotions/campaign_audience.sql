-- who gets a campaign, with the offers it carries: consent given, control groups left out
with offers as (

    select
        offers.*,
        concat_ws(
            '',
            offers.promotion_name,
            case
                when offers.product_id is not null
                    then concat_ws('', ' (', coalesce(products.product_name, offers.product_id), ')')
            end
        ) as offer_name
    from {{ ref('offers') }} as offers
    inner join {{ ref('as_of_dates') }} as dates
        on offers.as_of_date = dates.as_of_date and offers.as_of_date = dates.data_until
    left join {{ ref('stg_products') }} as products on offers.product_id = products.product_id

),

permissions as (

    select permissions.*
    from {{ ref('user_permissions') }} as permissions
    left join {{ ref('risk_scores') }} as risk on permissions.user_id = risk.user_id and risk.is_flagged
    where permissions.marketing_consent and not permissions.is_holdout and risk.user_id is null

),

carried as (

    select
        offers.as_of_date,
        offers.campaign_id,
        max(offers.campaign_name) as campaign_name,
        offers.user_id,
        cast(count(*) as integer) as offers,
        {{ collect_ordered('offers.offer_id', 'offers.user_rank') }} as offer_ids,
        {{ collect_ordered('offers.offer_name', 'offers.user_rank') }} as offer_names,
        {{ collect_ordered('offers.reason', 'offers.user_rank') }} as reasons,
        min(offers.valid_from) as valid_from,
        max(offers.valid_to) as valid_to,
        {{ exact_sum('offers.expected_margin') }} as expected_margin
    from offers
    inner join permissions
        on offers.as_of_date = permissions.as_of_date and offers.user_id = permissions.user_id
    group by offers.as_of_date, offers.campaign_id, offers.user_id

),

final as (

    select
        carried.as_of_date,
        carried.campaign_id,
        carried.campaign_name,
        carried.user_id,
        segments.life_cycle,
        segments.value_tier,
        segments.intent,
        carried.offers,
        {{ join_array('carried.offer_ids', '|') }} as offer_ids,
        {{ join_array('carried.offer_names', ' | ') }} as offer_names,
        {{ join_array('carried.reasons', ' | ') }} as reasons,
        carried.valid_from,
        carried.valid_to,
        cast(carried.expected_margin as double) as expected_margin
    from carried
    inner join {{ ref('user_segments') }} as segments
        on carried.as_of_date = segments.as_of_date and carried.user_id = segments.user_id

)

select * from final
