-- what readers have to know of the shop itself
with final as (

    select
        'currency' as setting,
        {% if shop_setting('currency') -%}
        {{ text_literal(shop_setting('currency')) }} as value
        {%- else -%}
        cast(null as string) as value
        {%- endif %}

    union all

    select
        'shop_timezone' as setting,
        '{{ shop_timezone() }}' as value

)

select * from final
