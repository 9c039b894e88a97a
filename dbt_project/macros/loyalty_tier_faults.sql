{# What is wrong with seeds/loyalty_tiers.csv: one fault a row, tiers that contradict each other among them. #}
{% macro loyalty_tier_faults() -%}
    {%- set points = "cast(cast(%s as decimal(18, 2)) as string)" -%}
    with tiers as (

        select
            *,
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
                    then 'a value is missing; fill in every column'
                when namesakes > 1 then 'the tier is there twice; keep one row'
                when rank_fellows > 1
                    then concat_ws(
                        '', rank_first, ' and ', rank_last, ' both have rank ', cast(rank as string),
                        '; give each tier a rank of its own'
                    )
                when enter_points < 0 or stay_points < 0 or min_days_in_tier < 0
                    then 'points and days are 0 or more; correct the one below 0'
                when points_multiplier <= 0
                    then 'points_multiplier is not above 0; 1 earns what the policy says'
                when stay_points > enter_points
                    then concat_ws(
                        '', 'stay_points ', {{ points % 'stay_points' }}, ' is above enter_points ',
                        {{ points % 'enter_points' }}, ', so who enters would fall out again; lower stay_points'
                    )
                when enter_points <= enter_points_below
                    then concat_ws(
                        '', 'enter_points ', {{ points % 'enter_points' }}, ' is not above that of ', tier_below,
                        ', the tier below it; raise it or change the ranks'
                    )
            end as fault,
            tier as policy_row
        from tiers

        union all

        select
            'there is no base tier; one row needs enter_points 0' as fault,
            '(all rows)' as policy_row
        from tiers
        having coalesce(min(enter_points), 1) > 0

    )

    select
        'loyalty_tiers' as policy_file,
        policy_row,
        fault
    from faults
    where fault is not null
{%- endmacro %}
