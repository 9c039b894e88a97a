-- every row that broke the contract, with the reasons and the row itself
with unreadable as (

    select
        table_name,
        file_name,
        line_number,
        reason,
        length(row_text) as characters
    from {{ load_rejects() }} as lines

),

judged as (

    {% for table_name, keys in shop_tables().items() -%}
    select
        '{{ table_name }}' as table_name,
        concat_ws(
            '|',
            {% for key in keys -%}
            cast({{ key }} as string){{ "," if not loop.last }}
            {% endfor %}
        ) as row_key,
        reject_reasons as reasons,
        rejected_row
    from {{ ref('checked_' ~ table_name) }}
    where {{ array_size('reject_reasons') }} > 0
    union all
    {% endfor -%}

    select
        table_name,
        concat_ws('', file_name, ':', cast(line_number as string)) as row_key,
        {{ array_of(['reason']) }} as reasons,
        -- its text stays in the shop's schema, for nobody knows whose address is in it
        {{ json_object(['characters']) }} as rejected_row
    from unreadable

),

final as (

    select
        table_name,
        row_key,
        {{ first_element('reasons') }} as reason,
        reasons,
        rejected_row
    from judged

)

select * from final
