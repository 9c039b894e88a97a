{#
    What audits.fairness needs of each group: the sums over its users of numerator y and denominator x and of their squares, from
    which the group's value Σy / Σx and its standard error follow. `measured` is a CTE of as_of_date, decision, measure, user_id,
    numerator and denominator, one row a user and measure. No person can be told from the sums.
#}
{% macro group_sums(measured) -%}
    select
        {{ measured }}.as_of_date,
        {{ measured }}.decision,
        {{ measured }}.measure,
        audited.attribute,
        audited.group_name,
        cast(count(*) as integer) as users,
        {{ exact_sum(measured ~ '.numerator') }} as numerator,
        {{ exact_sum(measured ~ '.denominator') }} as denominator,
        {{ exact_sum(measured ~ '.numerator * ' ~ measured ~ '.numerator') }} as squared_numerator,
        {{ exact_sum(measured ~ '.numerator * ' ~ measured ~ '.denominator') }} as product,
        {{ exact_sum(measured ~ '.denominator * ' ~ measured ~ '.denominator') }} as squared_denominator
    from {{ measured }}
    inner join {{ ref('audited_groups') }} as audited
        on {{ measured }}.as_of_date = audited.as_of_date and {{ measured }}.user_id = audited.user_id
    where {{ measured }}.denominator > 0
    group by
        {{ measured }}.as_of_date, {{ measured }}.decision, {{ measured }}.measure, audited.attribute, audited.group_name
{%- endmacro %}
