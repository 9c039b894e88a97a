-- what the clusters of the serving model are called; empty where a rule serves
{{ config(materialized='table') }}

with model as (

    select
        serving_model('behaviour_cluster') as model_name,
        model_version(serving_model('behaviour_cluster')) as model_version

),

clusters as (

    select
        record.cluster,
        record.cluster_name,
        record.user_share
    from {{ exploded("cluster_names('behaviour_cluster')", 'record') }} as records

),

final as (

    select
        clusters.cluster,
        clusters.cluster_name,
        clusters.user_share,
        model.model_name,
        model.model_version,
        {{ utc_now() }} as scored_at
    from clusters
    cross join model

)

select * from final
