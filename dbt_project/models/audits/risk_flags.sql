-- the evidence behind each user's risk: every broken rule with the values that broke it and the accounts linked to the user
with suspects as (

    select
        hits.as_of_date,
        hits.user_id,
        hits.rule,
        hits.points,
        hits.sentence,
        hits.conditions,
        scores.is_flagged,
        scores.override_verdict,
        links.ring_id
    from {{ ref('risk_rule_hits') }} as hits
    inner join {{ ref('risk_scores') }} as scores on hits.as_of_date = scores.as_of_date and hits.user_id = scores.user_id
    left join {{ ref('linked_accounts') }} as links on hits.as_of_date = links.as_of_date and hits.user_id = links.user_id

),

-- twenty accounts of a ring are enough to look into it
members as (

    select
        as_of_date,
        ring_id,
        user_id
    from {{ ref('linked_accounts') }}
    qualify row_number() over (partition by as_of_date, ring_id order by user_id) between 1 and 20

),

rings as (

    select
        as_of_date,
        ring_id,
        {{ collect_ordered('user_id', 'user_id') }} as ring_users
    from members
    group by as_of_date, ring_id

),

evidence as (

    select
        suspects.*,
        coalesce(rings.ring_users, {{ compact_array([]) }}) as ring_users
    from suspects
    left join rings on suspects.as_of_date = rings.as_of_date and suspects.ring_id = rings.ring_id

),

final as (

    select
        as_of_date,
        user_id,
        rule,
        points,
        sentence,
        {{ json_object(['conditions', 'ring_users']) }} as evidence,
        is_flagged,
        override_verdict
    from evidence

)

select * from final
