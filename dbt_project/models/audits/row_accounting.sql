-- rows in = rows accepted + rows rejected + rows left out, table by table
with accepted as (

    {% for table_name in shop_tables() -%}
    select
        '{{ table_name }}' as table_name,
        {{ shop_row_count(table_name) }} as rows_read,
        {{ rows_dropped(table_name) }} as rows_dropped,
        {{ rows_of_erased(table_name) }} as rows_of_erased,
        sum(case when {{ array_size('reject_reasons') }} = 0 then 1 else 0 end) as rows_accepted
    from {{ ref('checked_' ~ table_name) }}
    {{ "union all" if not loop.last }}
    {% endfor %}

),

unreadable as (

    select
        table_name,
        count(*) as unreadable_lines
    from {{ load_rejects() }} as lines
    group by table_name

),

rejected as (

    select
        table_name,
        count(*) as rows_rejected
    from {{ ref('rejected_rows') }}
    group by table_name

),

final as (

    select
        accepted.table_name,
        cast(accepted.rows_read + accepted.rows_dropped + coalesce(unreadable.unreadable_lines, 0) as bigint) as rows_in,
        cast(coalesce(accepted.rows_accepted, 0) as bigint) as rows_accepted,
        cast(coalesce(rejected.rows_rejected, 0) as bigint) as rows_rejected,
        cast(accepted.rows_dropped + accepted.rows_of_erased as bigint) as rows_left_out
    from accepted
    left join unreadable on accepted.table_name = unreadable.table_name
    left join rejected on accepted.table_name = rejected.table_name

)

select * from final
