-- people by segment, each dimension by itself; segments of fewer than min_audience_size people have no figures
with policy as (
    select value as min_people from policies.policy_values
    where name = 'min_audience_size'
),

long as (
    unpivot (
        select
            user_id,
            purchase_intent,
            life_cycle,
            value_tier,
            intent,
            coalesce(cluster_name, 'no_cluster') as cluster_name
        from promotions.user_segments
    )
    on life_cycle, value_tier, intent, cluster_name
    into name dimension value segment
),

counted as (
    select
        dimension,
        segment,
        count(*) as people,
        avg(purchase_intent) as mean_intent
    from long
    group by dimension, segment
)

select
    counted.dimension,
    counted.segment,
    rules.description,
    case when counted.people >= policy.min_people then counted.people end as people,
    case when counted.people >= policy.min_people then counted.mean_intent end as mean_intent
from counted
cross join policy
left join policies.segment_rules as rules on counted.dimension = rules.dimension and counted.segment = rules.segment
order by
    array_position(['life_cycle', 'value_tier', 'intent', 'cluster_name'], counted.dimension),
    rules.priority nulls last,
    counted.people desc,
    counted.segment
