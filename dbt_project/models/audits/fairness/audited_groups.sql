-- the groups that each user belongs to: one by each attribute under audit, and one by each two of them
with users as (

    select
        dates.as_of_date,
        users.*,
        {{ age_band_of('users.birth_date', 'dates.as_of_date') }} as band_of_birthday,
        members.tier as membership
    from {{ ref('stg_users') }} as users
    cross join {{ ref('as_of_dates') }} as dates
    {% if var('as_of_dates') -%}
    -- many dates, for the error rates of scores: tiers are kept for one date alone, so the shop's own are read
    left join {{ ref('stg_loyalty_accounts') }} as members on users.user_id = members.user_id
    {%- else -%}
    left join {{ ref('loyalty_status') }} as members on users.user_id = members.user_id
    {%- endif %}
    where {{ in_audit_sample('users.user_id') }}

),

single as (

    {% for attribute in audited_attributes() + ['membership'] -%}
    select
        as_of_date,
        user_id,
        '{{ attribute }}' as attribute,
        {% if attribute == 'age_band' -%}
        coalesce(age_band, band_of_birthday, 'unknown') as group_name
        {%- else -%}
        coalesce({{ attribute }}, 'unknown') as group_name
        {%- endif %}
    from users
    {{ "union all" if not loop.last }}
    {% endfor %}

),

final as (

    select
        as_of_date,
        user_id,
        attribute,
        group_name
    from single

    union all

    -- an unknown value says nothing beside another one; tiers are treated unlike by policy, so groups are compared within each
    select
        first_of_two.as_of_date,
        first_of_two.user_id,
        case second_of_two.attribute
            when 'membership' then concat_ws('', first_of_two.attribute, ' within tier ', second_of_two.group_name)
            else concat_ws(' and ', first_of_two.attribute, second_of_two.attribute)
        end as attribute,
        case second_of_two.attribute
            when 'membership' then first_of_two.group_name
            else concat_ws(' and ', first_of_two.group_name, second_of_two.group_name)
        end as group_name
    from single as first_of_two
    inner join single as second_of_two
        on
            first_of_two.as_of_date = second_of_two.as_of_date
            and first_of_two.user_id = second_of_two.user_id
            and (
                first_of_two.attribute < second_of_two.attribute
                or second_of_two.attribute = 'membership'
            )
    where
        first_of_two.attribute <> 'membership'
        and first_of_two.group_name <> 'unknown'
        and second_of_two.group_name <> 'unknown'

)

select * from final
