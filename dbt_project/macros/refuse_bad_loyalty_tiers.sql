{# Before tiers are dealt: stop with a sentence when rows of seeds/loyalty_tiers.csv contradict each other. #}
{% macro refuse_bad_loyalty_tiers() -%}
    {%- if execute -%}
        {%- set faults = run_query(loyalty_tier_faults()) -%}
        {%- if faults.rows | length > 0 -%}
            {{ exceptions.raise_compiler_error('seeds/loyalty_tiers.csv' ~ faults.columns[0].values()[0]) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# The end of a sentence for each fault, the first row's first. #}
{% macro loyalty_tier_faults() -%}
    {%- set points = "cast(cast(%s as decimal(18, 2)) as string)" -%}
    with tiers as (

        select
            *,
            concat_ws('', ', row ', coalesce(tier, '(no name)'), ': ') as place,
            count(*) over (partition by tier) as namesakes,
            count(*) over (partition by rank) as rank_fellows,
            min(tier) over (partition by rank) as rank_first,
            max(tier) over (partition by rank) as rank_last,
            lag(tier) over (order by rank, tier) as tier_below,
            lag(enter_points) over (order by rank, tier) as enter_points_below
        from {{ ref('loyalty_tiers') }}

    ),

    faults as (

        select
            case
                when
                    tier is null or rank is null or enter_points is null or stay_points is null or min_days_in_tier is null
                    or points_multiplier is null
                    then concat_ws('', place, 'a value is missing; fill in every column')
                when namesakes > 1 then concat_ws('', place, 'the tier is there twice; keep one row')
                when rank_fellows > 1
                    then concat_ws(
                        '', ', rows ', rank_first, ' and ', rank_last, ': both have rank ', cast(rank as string),
                        '; give each tier a rank of its own'
                    )
                when enter_points < 0 or stay_points < 0 or min_days_in_tier < 0
                    then concat_ws('', place, 'points and days are 0 or more; correct the one below 0')
                when points_multiplier <= 0
                    then concat_ws('', place, 'points_multiplier is not above 0; 1 earns what the policy says')
                when stay_points > enter_points
                    then concat_ws(
                        '', place, 'stay_points ', {{ points % 'stay_points' }}, ' is above enter_points ',
                        {{ points % 'enter_points' }}, ', so who enters would fall out again; lower stay_points'
                    )
                when enter_points <= enter_points_below
                    then concat_ws(
                        '', place, 'enter_points ', {{ points % 'enter_points' }}, ' is not above that of ', tier_below,
                        ', the tier below it; raise it or change the ranks'
                    )
            end as fault,
            rank,
            tier
        from tiers

        union all

        select
            ' has no base tier; one row needs enter_points 0' as fault,
            0 as rank,
            '' as tier
        from tiers
        having coalesce(min(enter_points), 1) > 0

    )

    select fault
    from faults
    where fault is not null
    order by rank, tier, fault
{%- endmacro %}
