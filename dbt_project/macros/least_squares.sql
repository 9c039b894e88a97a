{#
    Least squares in SQL: the normal equations of some causes and one effect stand in one row, as columns `<first>_<second>` for
    each pair; swept by one cause after the other (Goodnight, 1979) they turn into the coefficients and the negative inverse.
#}
{% macro moment(first, second) -%}
    {%- set order = ['price', 'rival', 'discount', 'regular', 'mailer', 'display', 'sales'] -%}
    {%- if order.index(first) <= order.index(second) -%}{{ first }}_{{ second }}{%- else -%}{{ second }}_{{ first }}{%- endif -%}
{%- endmacro %}

{# The entry after a sweep by `pivot`, whose diagonal entry is the column `turning`; null there means that it stays out. #}
{% macro swept_moment(first, second, pivot) -%}
    {%- set entry = moment(first, second) -%}
    {%- if first == pivot and second == pivot -%}
        coalesce(-1 / turning, {{ entry }})
    {%- elif pivot in (first, second) -%}
        coalesce({{ entry }} / turning, {{ entry }})
    {%- else -%}
        coalesce({{ entry }} - {{ moment(first, pivot) }} * {{ moment(second, pivot) }} / turning, {{ entry }})
    {%- endif -%}
{%- endmacro %}

{#
    The pairs of causes and sales whose moments least squares need.
#}
{% macro moment_pairs(causes) -%}
    {%- set pairs = [] -%}
    {%- for first in causes + ['sales'] -%}
    {%- for second in (causes + ['sales'])[loop.index0:] -%}{%- do pairs.append([first, second]) -%}{%- endfor -%}
    {%- endfor -%}
    {{ return(pairs) }}
{%- endmacro %}

{#
    How the sales of each category answer to each cause with the others held constant: CTEs from the relation `moments` (as_of_date,
    category, product_id, weeks and a column for each pair, means of the product taken off) to `solved`, with a slope a cause, and
    `clustered`, with its standard error, clustered by product. Five products are needed.
#}
{% macro least_squares(causes) -%}
{%- set pairs = moment_pairs(causes) -%}
swept_0 as (

    select
        as_of_date,
        category,
        {% for cause in causes -%}
        {{ exact_sum(cause ~ '_' ~ cause) }} as {{ cause }}_variation,
        false as {{ cause }}_is_in,
        {% endfor -%}
        {% for first, second in pairs -%}
        {{ exact_sum(first ~ '_' ~ second) }} as {{ first }}_{{ second }},
        {% endfor -%}
        cast(count(*) as integer) as products,
        cast(sum(weeks) as integer) as product_weeks
    from moments
    group by as_of_date, category
    having count(*) >= 5

),

{% for pivot in causes -%}
-- a cause that never moves, or only together with those before it, stays out
turned_{{ loop.index }} as (

    select
        *,
        case
            when {{ pivot }}_{{ pivot }} > 0.001 * {{ pivot }}_variation and {{ pivot }}_variation > 0.000001 * product_weeks
                then {{ pivot }}_{{ pivot }}
        end as turning
    from swept_{{ loop.index0 }}

),

swept_{{ loop.index }} as (

    select
        as_of_date,
        category,
        {% for cause in causes -%}
        {{ cause }}_variation,
        {{ 'turning is not null' if cause == pivot else cause ~ '_is_in' }} as {{ cause }}_is_in,
        {% endfor -%}
        {% for first, second in pairs -%}
        {{ swept_moment(first, second, pivot) }} as {{ first }}_{{ second }},
        {% endfor -%}
        products,
        product_weeks
    from turned_{{ loop.index }}

),

{% endfor -%}
solved as (

    select
        as_of_date,
        category,
        {% for cause in causes -%}
        case when {{ cause }}_is_in then {{ cause }}_sales end as {{ cause }}_slope,
        {% for other in causes -%}
        case when {{ cause }}_is_in and {{ other }}_is_in then -{{ moment(cause, other) }} else 0 end
            as inverse_{{ cause }}_{{ other }},
        {% endfor -%}
        {% endfor -%}
        sales_sales as unexplained,
        products,
        product_weeks
    from swept_{{ causes | length }}

),

-- what each product leaves unexplained along each cause
left_over as (

    select
        moments.as_of_date,
        moments.category,
        {% for cause in causes -%}
        moments.{{ moment(cause, 'sales') }} - (
            {% for other in causes -%}
            {{ '+ ' if not loop.first }}coalesce(solved.{{ other }}_slope, 0) * moments.{{ moment(cause, other) }}
            {% endfor -%}
        ) as {{ cause }},
        {% endfor -%}
        moments.sales_sales
    from moments
    inner join solved
        on moments.as_of_date = solved.as_of_date and moments.category = solved.category

),

-- how far each product pulls each coefficient
influences as (

    select
        solved.as_of_date,
        solved.category,
        {% for cause in causes -%}
        (
            {% for other in causes -%}
            {{ '+ ' if not loop.first }}solved.inverse_{{ cause }}_{{ other }} * left_over.{{ other }}
            {% endfor -%}
        ) as {{ cause }},
        {% endfor -%}
        left_over.sales_sales
    from left_over
    inner join solved
        on left_over.as_of_date = solved.as_of_date and left_over.category = solved.category

),

clustered as (

    select
        as_of_date,
        category,
        {% for cause in causes -%}
        sqrt({{ exact_sum(cause ~ ' * ' ~ cause) }} * count(*) / (count(*) - 1)) as {{ cause }}_std_error,
        {% endfor -%}
        {{ exact_sum('sales_sales') }} as sales_variation
    from influences
    group by as_of_date, category

)
{%- endmacro %}
