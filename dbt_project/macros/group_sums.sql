{#
    What audits.fairness needs of each group: the sums over its users of numerator y and denominator x and of their squares, from
    which the group's value Σy / Σx and its standard error follow. `measured` is a CTE of as_of_date, decision, measure, user_id,
    numerator and denominator, one row a user and measure. A group of fewer than min_audience_size has no figures.
#}
{% macro group_sums(measured) -%}
    select
        {{ measured }}.as_of_date,
        {{ measured }}.decision,
        {{ measured }}.measure,
        audited.attribute,
        audited.group_name,
        {% for name, figure in {
            'users': 'count(*)',
            'numerator': exact_sum(measured ~ '.numerator'),
            'denominator': exact_sum(measured ~ '.denominator'),
            'squared_numerator': exact_sum(measured ~ '.numerator * ' ~ measured ~ '.numerator'),
            'product': exact_sum(measured ~ '.numerator * ' ~ measured ~ '.denominator'),
            'squared_denominator': exact_sum(measured ~ '.denominator * ' ~ measured ~ '.denominator'),
        }.items() -%}
        cast(
            case when count(*) >= {{ policy_value('min_audience_size') }} then {{ figure }} end as {{ 'integer' if name == 'users' else 'double' }}
        ) as {{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ measured }}
    inner join {{ ref('audited_groups') }} as audited
        on {{ measured }}.as_of_date = audited.as_of_date and {{ measured }}.user_id = audited.user_id
    where {{ measured }}.denominator > 0
    group by
        {{ measured }}.as_of_date, {{ measured }}.decision, {{ measured }}.measure, audited.attribute, audited.group_name
{%- endmacro %}
