-- every user × promotion under consideration: eligible or not, with all failed rules
with considered as (

    select * from {{ ref('considered_promotions') }}

),

judged as (

    select
        *,
        {{ failed_rules() }} as reject_reasons
    from considered

),

final as (

    select
        judged.as_of_date,
        judged.user_id,
        judged.promotion_id,
        judged.promotion_name,
        judged.source,
        judged.kind,
        judged.campaign_id,
        judged.campaign_name,
        judged.reject_bits = 0 as is_eligible,
        judged.reject_reasons,
        judged.reject_bits,
        codes.sentence as reason,
        judged.face_value,
        judged.min_spend,
        judged.valid_from,
        judged.valid_to,
        judged.product_id,
        cast(judged.purchase_intent as float) as purchase_intent,
        judged.feedback_weight,
        {{ feedback_words('judged.feedback_weight', "'such offers'") }} as feedback,
        cast(judged.redemption_score as float) as redemption_score,
        judged.cost,
        cast(judged.redemption_score * judged.margin_after_cost as double) as expected_margin,
        judged.incremental_margin,
        judged.budget,
        judged.budget_id,
        judged.budget_spent,
        judged.budget_reserved,
        judged.max_redemptions,
        judged.redemptions,
        judged.reserved_redemptions,
        judged.open_offers,
        judged.contacts_7d,
        judged.priority,
        judged.exclusive_group
    from judged
    left join {{ ref('reject_codes') }} as codes
        on (judged.reject_bits & -judged.reject_bits) = codes.bit  -- the lowest bit is the first rule

)

select * from final
