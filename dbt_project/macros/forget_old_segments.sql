{# After a day's segments are on record: drop the days that are older than the policy keeps. #}
{% macro forget_old_segments() -%}
    delete from {{ this }}
    where as_of_date < (
        select {{ add_days('max(dates.as_of_date)', '-' ~ policy_value('segment_history_days')) }}
        from {{ ref('as_of_dates') }} as dates
    )
{%- endmacro %}
