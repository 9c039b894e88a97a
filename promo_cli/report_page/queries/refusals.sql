-- how many user-promotion pairs each rule refuses, and how many of them no other rule would have refused
with policy as (
    select value as min_people from policies.policy_values
    where name = 'min_audience_size'
),

pairs as (
    select
        user_id,
        promotion_id,
        list(distinct code) as codes
    from promotions.refusals
    group by user_id, promotion_id
),

reasons as (
    select
        user_id,
        len(codes) = 1 as is_only_reason,
        unnest(codes) as code
    from pairs
)

select
    reasons.code,
    codes.sentence as sentence_en,
    phrases.zh as sentence_zh,
    count(*) as pairs,
    case
        when count(distinct reasons.user_id) filter (where reasons.is_only_reason) >= any_value(policy.min_people)
            then count(*) filter (where reasons.is_only_reason)
        when not bool_or(reasons.is_only_reason) then 0
    end as pairs_only_this,
    count(distinct reasons.user_id) as people
from reasons
cross join policy
left join policies.reject_codes as codes on reasons.code = codes.code
left join policies.refusal_phrases as phrases on reasons.code = phrases.code and phrases.about = 'refusal'
group by reasons.code, codes.sentence, phrases.zh
having count(distinct reasons.user_id) >= any_value(policy.min_people)
order by pairs desc, reasons.code
