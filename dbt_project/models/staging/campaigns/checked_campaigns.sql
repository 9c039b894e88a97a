-- campaigns: typed, with the code of every contract rule a row breaks
with base as {{ inlined() }}(

    select * from {{ ref('base_campaigns') }}

),

judged as {{ inlined() }}(

    select
        base.campaign_id,
        base.campaign_name,
        base.campaign_kind,
        base.starts_at,
        base.ends_at,
        base.budget,
        base.x_columns,
        base.source_row,
        {{ reject_reasons({
            "MISSING_CAMPAIGN_ID": "base.campaign_id is null",
            "MISSING_CAMPAIGN_NAME": "base.campaign_name is null",
            "MISSING_CAMPAIGN_KIND": "base.campaign_kind is null",
            "MISSING_STARTS_AT": "base.starts_at is null",
            "MISSING_ENDS_AT": "base.ends_at is null",
            "ENDS_BEFORE_START": "ends_at <= starts_at",
            "NEGATIVE_BUDGET": "budget < 0",
            "IMPLAUSIBLE_BUDGET": "budget > " ~ largest_budget()
        }) }} as broken_rules
    from base

),

{{ numbered_copies(['campaign_id'], 'starts_at, ends_at, campaign_name') }},

final as (

    select
        campaign_id,
        campaign_name,
        campaign_kind,
        starts_at,
        ends_at,
        budget,
        x_columns,
        case
            when is_clean and copy_number > 1 then {{ array_of(["'DUPLICATE_KEY'"]) }}
            else broken_rules
        end as reject_reasons,
        case when not is_clean or copy_number > 1 then coalesce(source_row, {{ json_object([
            'campaign_id',
            'campaign_name',
            'campaign_kind',
            'starts_at',
            'ends_at',
            'budget',
            'x_columns'
        ]) }}) end as rejected_row
    from numbered

)

select * from final
