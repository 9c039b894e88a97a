-- coupons: typed, with the code of every contract rule a row breaks
with base as {{ inlined() }}(

    select * from {{ ref('base_coupons') }}

),

judged as {{ inlined() }}(

    select
        base.coupon_id,
        base.campaign_id,
        base.kind,
        base.face_value,
        base.percent_off,
        base.min_spend,
        base.valid_from,
        base.valid_to,
        base.max_redemptions,
        base.per_user_limit,
        base.x_columns,
        base.source_row,
        {{ reject_reasons({
            "MISSING_COUPON_ID": "base.coupon_id is null",
            "MISSING_KIND": "base.kind is null",
            "MISSING_VALID_FROM": "base.valid_from is null",
            "MISSING_VALID_TO": "base.valid_to is null",
            "ENDS_BEFORE_START": "valid_to <= valid_from",
            "PERCENT_OUT_OF_RANGE": "percent_off < 0 or percent_off > 100",
            "NEGATIVE_VALUE": "least(face_value, min_spend) < 0",
            "NEGATIVE_LIMIT": "least(max_redemptions, per_user_limit) < 0",
            "IMPLAUSIBLE_VALUE": "greatest(face_value, min_spend) > " ~ largest_amount()
        }) }} as broken_rules
    from base

),

{{ numbered_copies(['coupon_id'], 'valid_from, valid_to, campaign_id') }},

final as (

    select
        coupon_id,
        campaign_id,
        kind,
        face_value,
        percent_off,
        min_spend,
        valid_from,
        valid_to,
        max_redemptions,
        per_user_limit,
        x_columns,
        case
            when is_clean and copy_number > 1 then {{ array_of(["'DUPLICATE_KEY'"]) }}
            else broken_rules
        end as reject_reasons,
        case when not is_clean or copy_number > 1 then coalesce(source_row, {{ json_object([
            'coupon_id',
            'campaign_id',
            'kind',
            'face_value',
            'percent_off',
            'min_spend',
            'valid_from',
            'valid_to',
            'max_redemptions',
            'per_user_limit',
            'x_columns'
        ]) }}) end as rejected_row
    from numbered

)

select * from final
