-- the shop's users and the keys under which the warehouse knows them, for all who ever came and were not erased
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    full_refresh=false,
    pre_hook="{{ remember_rows() }}",
    post_hook="{{ note_changed_rows() }}"
) }}
with named as (

    {% for _, relation, user in shop_tables_of_users() -%}
    select {{ user }} as shop_user_id
    from {{ relation }}

    union

    {% endfor -%}
    select cast(null as string) as shop_user_id

),

known as (

    {% if is_incremental() -%}
    select shop_user_id from {{ this }}
    {%- else -%}
    select cast(null as string) as shop_user_id
    where false
    {%- endif %}

),

new_users as (

    select named.shop_user_id
    from named
    left join known on named.shop_user_id = known.shop_user_id
    where named.shop_user_id is not null and known.shop_user_id is null

),

salts as (

    select max(salt) as salt
    from {{ erasures() }} as erased

),

judged as (

    select
        new_users.shop_user_id,
        erased.tombstone is not null as is_erased
    from new_users
    cross join salts
    left join {{ erasures() }} as erased on tombstone(salts.salt, new_users.shop_user_id) = erased.tombstone

),

final as (

    select
        shop_user_id,
        case when not is_erased then {{ 'pseudonym(shop_user_id)' if privacy_is_on() else 'shop_user_id' }} end as user_id,
        -- of the shop's own id, so that no change of the secret deals the control group anew
        {{ hash_bucket("concat_ws('', '" ~ var('holdout_salt') ~ ":', shop_user_id)", 10000) }} as holdout_bucket,
        is_erased
    from judged

)

select * from final
