{# After the rows of a day are on record: drop the days that are older than the policy value `days` keeps. #}
{% macro forget_older_than(days) -%}
    delete from {{ this }}
    where as_of_date < (
        select {{ add_days('max(dates.as_of_date)', '-1 * ' ~ policy_value(days)) }}
        from {{ ref('as_of_dates') }} as dates
    )
{%- endmacro %}
