-- what the effect model reads: interest I(u, p) first, then the rest
{{ config(materialized='table') }}
with interest as (

    {% if var('as_of_dates') -%}
    -- many dates, for training: scores are kept for one date alone, so the serving model is asked here; further weeks have none
    select
        as_of_date,
        user_id,
        product_id,
        interest(features) as interest
    from {{ ref('user_product_features') }}
    {%- else -%}
    select
        permissions.as_of_date,
        scores.user_id,
        scores.product_id,
        scores.interest
    from {{ ref('interest_scores') }} as scores
    inner join {{ ref('user_permissions') }} as permissions on scores.user_id = permissions.user_id
    {%- endif %}

),

final as (

    select
        features.as_of_date,
        features.user_id,
        features.product_id,
        {{ concat_arrays(float_vector(['interest.interest']), 'features.features') }} as features
    from {{ ref('promo_effect_features') }} as features
    {{ 'left' if var('as_of_dates') else 'inner' }} join interest
        on
            features.as_of_date = interest.as_of_date
            and features.user_id = interest.user_id
            and features.product_id = interest.product_id

)

select * from final
