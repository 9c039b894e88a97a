-- every user × promotion under consideration: eligible or not, with all failed rules
with considered as (

    select * from {{ ref('considered_promotions') }}

),

judged as (

    select
        *,
        {{ compact_array([
            "case when is_holdout then 'HOLDOUT' end",
            "case when is_campaign_holdout then 'CAMPAIGN_HOLDOUT' end",
            "case when not marketing_consent then 'NO_CONSENT' end",
            "case when is_hidden then 'HIDDEN' end",
            "case when is_risk_flagged then 'RISK_FLAG' end",
            "case when not has_begun then 'NOT_YET_VALID' end",
            "case when is_over then 'EXPIRED' end",
            "case when is_sent_to_some and not has_received then 'NOT_IN_CAMPAIGN' end",
            "case when not (" ~ admits('life_cycles', 'life_cycle') ~ " and " ~ admits('value_tiers', 'value_tier')
                ~ " and " ~ admits('intents', 'intent') ~ " and " ~ admits('clusters', 'cluster_name') ~ ") then 'NOT_IN_SEGMENT' end",
            "case when not " ~ admits('member_tiers', 'tier') ~ " then 'NOT_A_MEMBER' end",
            "case when days_from_birthday > birthday_days or (birthday_days is not null and days_from_birthday is null) then 'NOT_BIRTHDAY' end",
            "case when churn_risk < min_churn_risk or (min_churn_risk is not null and churn_risk is null) then 'WOULD_STAY' end",
            "case when min_churn_risk is not null and mean_promo_effect <= 0 then 'NO_UPLIFT' end",
            "case when user_redemptions >= per_user_limit then 'CAP_USER' end",
            "case when user_redemptions_1d >= per_user_day_limit then 'CAP_USER_DAY' end",
            "case when user_redemptions_7d >= per_user_week_limit then 'CAP_USER_WEEK' end",
            "case when user_redemptions_31d >= per_user_month_limit then 'CAP_USER_MONTH' end",
            "case when contacts_7d >= " ~ policy_value('max_contacts_7d') ~ " then 'CONTACT_LIMIT' end",
            "case when holds_offer then 'ALREADY_OWNED' end",
            "case when holds_offer_of_group and not holds_offer then 'EXCLUSIVE_GROUP' end",
            "case when open_offers >= " ~ policy_value('max_offers_per_user') ~ " then 'OFFER_LIMIT' end",
            "case when redemptions + reserved_redemptions >= max_redemptions then 'CAP_REDEMPTIONS' end",
            "case when budget_spent + budget_reserved + cost > budget then 'BUDGET_EXHAUSTED' end",
            "case when redemption_score is null and needs_product then 'NO_MATCHING_PRODUCT' end",
            "case when redemption_score is null and not needs_product then 'NO_SCORE' end",
            "case when margin_after_cost <= 0 or is_below_floor or (margin_after_cost is null and redemption_score is not null) then 'MARGIN_FLOOR' end",
            "case when incremental_margin <= 0 and " ~ policy_value('refuse_unless_incremental') ~ " >= 1 then 'NOT_INCREMENTAL' end",
        ]) }} as reject_reasons
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
        {{ array_size('judged.reject_reasons') }} = 0 as is_eligible,
        judged.reject_reasons,
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
        on coalesce({{ first_element('judged.reject_reasons') }}, 'ELIGIBLE') = codes.code

)

select * from final
