{# After a day's offers are on record: drop what those were decided by that are older than the policy keeps. #}
{% macro forget_old_offer_inputs() -%}
    delete from {{ this }}
    where as_of_date < (
        select {{ add_days('max(dates.as_of_date)', '-1 * ' ~ policy_value('offer_inputs_days')) }}
        from {{ ref('as_of_dates') }} as dates
    )
{%- endmacro %}
