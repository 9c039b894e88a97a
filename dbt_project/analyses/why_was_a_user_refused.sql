-- Why was a user refused a promotion, and what would change it?
-- Write the user's key in `asked`; as it stands it asks about one whom many promotions of the catalogue refuse for reasons that
-- an amount or a day would turn. The catalogue comes before the shop's coupons, what few rules refuse before the rest.
with asked as (

    select refusals.user_id
    from {{ ref('refusals') }} as refusals
    inner join {{ ref('promotion_catalogue') }} as catalogue on refusals.promotion_id = catalogue.promotion_id
    inner join {{ ref('user_permissions') }} as permissions on refusals.user_id = permissions.user_id
    where not permissions.is_holdout and (refusals.lacks is not null or refusals.changes_on is not null)
    group by refusals.user_id
    order by count(*) desc, refusals.user_id
    limit 1

),

rules as (

    select
        refusals.user_id,
        refusals.promotion_id,
        refusals.refusal_rank,
        refusals.code,
        codes.sentence as rule,
        refusals.brought_by,
        refusals.unit,
        refusals.standing,
        refusals.has_to_be,
        refusals.lacks,
        refusals.changes_on
    from {{ ref('refusals') }} as refusals
    inner join asked on refusals.user_id = asked.user_id
    left join {{ ref('reject_codes') }} as codes on refusals.code = codes.code

),

-- the three first rules of each refusal have it in words, too
words as (

    select
        reasons.promotion_id,
        reasons.code,
        min(reasons.what_would_change) as what_would_change
    from {{ ref('offer_reasons') }} as reasons
    inner join asked on reasons.user_id = asked.user_id
    where reasons.decision = 'refused' and reasons.language = 'en'
    group by reasons.promotion_id, reasons.code

),

final as (

    select
        rules.user_id,
        terms.source,
        terms.promotion_name,
        rules.promotion_id,
        count(*) over (partition by rules.promotion_id) as rules_that_refuse,
        rules.refusal_rank,
        rules.code,
        rules.rule,
        words.what_would_change,
        rules.brought_by,
        rules.unit,
        round(rules.standing, 4) as standing,
        round(rules.has_to_be, 4) as has_to_be,
        round(rules.lacks, 4) as lacks,
        rules.changes_on
    from rules
    inner join {{ ref('promotion_terms') }} as terms on rules.promotion_id = terms.promotion_id
    left join words on rules.promotion_id = words.promotion_id and rules.code = words.code

)

select * from final
order by source, rules_that_refuse, promotion_id, refusal_rank
