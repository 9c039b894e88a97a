-- what readers have to know of the shop itself
with final as (

    select
        'currency' as setting,
        {{ shop_currency() }} as value

    union all

    select
        'shop_timezone' as setting,
        '{{ shop_timezone() }}' as value

)

select * from final
