-- which behaviour cluster each user is in, by number and by name, for campaigns
with dates as (

    {{ scoring_day() }}

),

final as (

    select
        dates.as_of_date,
        scores.user_id,
        scores.cluster,
        names.cluster_name
    from {{ ref('behaviour_cluster_scores') }} as scores
    cross join dates
    left join {{ ref('behaviour_cluster_names') }} as names
        on scores.cluster = names.cluster and scores.model_version = names.model_version
    where scores.cluster is not null

)

select * from final
