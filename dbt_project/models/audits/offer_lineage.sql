-- every decision behind an offer that is on record, with the build that made it and whether it still holds
{{ config(materialized='view') }}

with decisions as (

    select
        *,
        row_number() over (partition by offer_id order by recorded_at desc, build_id) as newest
    from {{ ref('offer_inputs') }}

),

final as (

    select
        decisions.offer_id,
        decisions.as_of_date,
        decisions.user_id,
        decisions.promotion_id,
        decisions.product_id,
        case
            when decisions.newest > 1 then 'replaced'
            when offers.offer_id is null then 'withdrawn'
            else 'on record'
        end as status,
        decisions.build_id,
        builds.started_at as build_started_at,
        builds.outcome as build_outcome,
        builds.policy_version,
        builds.content_hash as build_content_hash,
        builds.offerhouse_version,
        decisions.terms,
        decisions.verdict,
        decisions.price,
        decisions.place,
        decisions.scores,
        decisions.features,
        decisions.source_rows,
        decisions.recorded_at
    from decisions
    left join {{ ref('offers') }} as offers on decisions.offer_id = offers.offer_id
    left join {{ builds_on_record() }} as builds on decisions.build_id = builds.build_id

)

select * from final
