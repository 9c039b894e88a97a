{#
    How estimates differ beyond chance, and their mean with that in mind (DerSimonian and Laird, Meta-analysis in clinical
    trials, 1986): CTEs from the relation `estimates` (as_of_date, the column `value`, variance > 0) to `overall`: one row an
    as-of date with between_variance, the mean under the name of `value`, and the mean's variance.
#}
{% macro random_effects(estimates, value) -%}
fixed as (

    select
        as_of_date,
        count(*) as estimates,
        {{ exact_sum('1 / variance') }} as weight,
        {{ exact_sum('1 / (variance * variance)') }} as squared_weight,
        {{ exact_sum(value ~ ' / variance') }} / {{ exact_sum('1 / variance') }} as {{ value }}
    from {{ estimates }}
    group by as_of_date

),

spread as (

    select
        each.as_of_date,
        coalesce(greatest(
            0,
            (
                {{ exact_sum('power(each.' ~ value ~ ' - fixed.' ~ value ~ ', 2) / each.variance') }}
                - (max(fixed.estimates) - 1)
            ) / nullif(max(fixed.weight) - max(fixed.squared_weight) / max(fixed.weight), 0)
        ), 0) as between_variance
    from {{ estimates }} as each
    inner join fixed on each.as_of_date = fixed.as_of_date
    group by each.as_of_date

),

overall as (

    select
        each.as_of_date,
        max(spread.between_variance) as between_variance,
        {{ exact_sum('each.' ~ value ~ ' / (each.variance + spread.between_variance)') }}
        / {{ exact_sum('1 / (each.variance + spread.between_variance)') }} as {{ value }},
        1 / {{ exact_sum('1 / (each.variance + spread.between_variance)') }} as variance
    from {{ estimates }} as each
    inner join spread on each.as_of_date = spread.as_of_date
    group by each.as_of_date

)
{%- endmacro %}
