-- interest of each user in each candidate product; scored again only when input or model changed
{{ config(
    unique_key=['user_id', 'product_id'],
    post_hook="{{ forget_vanished('user_product_features', ['user_id', 'product_id']) }}"
) }}

with model as (

    select
        serving_model('interest') as model_name,
        model_version(serving_model('interest')) as model_version

),

inputs as (

    select
        inputs.as_of_date,
        inputs.user_id,
        inputs.product_id,
        inputs.features,
        {{ input_hash('inputs.features') }} as input_hash,
        model.model_name,
        model.model_version
    from {{ ref('user_product_features') }} as inputs
    inner join {{ ref('user_permissions') }} as permissions
        on inputs.as_of_date = permissions.as_of_date and inputs.user_id = permissions.user_id
    cross join model
    where permissions.personalisation_consent

),

changed as (

    select inputs.*
    from inputs
    {% if is_incremental() -%}
    where not exists (
        select 1
        from {{ this }} as scored
        where
            scored.user_id = inputs.user_id
            and scored.product_id = inputs.product_id
            and scored.input_hash = inputs.input_hash
            and scored.model_version = inputs.model_version
    )
    {%- endif %}

),

final as (

    select
        user_id,
        product_id,
        interest(features) as interest,
        as_of_date,
        input_hash,
        model_name,
        model_version,
        {{ utc_now() }} as scored_at
    from changed

)

select * from final
