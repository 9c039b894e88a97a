-- how the users of each behaviour cluster shop, figure by figure, beside all users
with clustered as (

    select
        clusters.cluster,
        clusters.cluster_name,
        behaviour.as_of_date,
        {{ var('behaviour_features') | join(', ') }}
    from {{ ref('user_clusters') }} as clusters
    inner join {{ ref('user_behaviour') }} as behaviour
        on clusters.as_of_date = behaviour.as_of_date and clusters.user_id = behaviour.user_id

),

figures as (

    {% for feature in var('behaviour_features') -%}
    select
        as_of_date,
        cluster,
        cluster_name,
        '{{ feature }}' as feature,
        {{ feature }} as figure
    from clustered
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

overall as (

    select
        as_of_date,
        feature,
        {{ exact_avg('figure') }} as mean,
        {{ exact_stddev('figure') }} as deviation
    from figures
    group by as_of_date, feature

),

profiles as (

    select
        figures.as_of_date,
        figures.cluster,
        figures.cluster_name,
        figures.feature,
        count(*) as users,
        {{ exact_avg('figures.figure') }} as mean,
        max(overall.mean) as overall_mean,
        max(overall.deviation) as deviation,
        count(*) >= {{ policy_value('min_audience_size') }} as is_shown
    from figures
    inner join overall
        on figures.as_of_date = overall.as_of_date and figures.feature = overall.feature
    group by figures.as_of_date, figures.cluster, figures.cluster_name, figures.feature

),

-- figures of so few people that they could tell of one of them are not shown
final as (

    select
        as_of_date,
        cluster,
        cluster_name,
        feature,
        cast(case when is_shown then users end as integer) as users,
        case when is_shown then mean end as mean,
        overall_mean,
        cast(case when is_shown then mean / nullif(overall_mean, 0) end as double) as lift,
        cast(case when is_shown then (mean - overall_mean) / nullif(deviation, 0) end as double) as difference
    from profiles

)

select * from final
