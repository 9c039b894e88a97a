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

final as (

    select
        figures.as_of_date,
        figures.cluster,
        figures.cluster_name,
        figures.feature,
        cast(count(*) as integer) as users,
        {{ exact_avg('figures.figure') }} as mean,
        max(overall.mean) as overall_mean,
        cast({{ exact_avg('figures.figure') }} / nullif(max(overall.mean), 0) as double) as lift,
        cast(({{ exact_avg('figures.figure') }} - max(overall.mean)) / nullif(max(overall.deviation), 0) as double) as difference
    from figures
    inner join overall
        on figures.as_of_date = overall.as_of_date and figures.feature = overall.feature
    group by figures.as_of_date, figures.cluster, figures.cluster_name, figures.feature

)

select * from final
