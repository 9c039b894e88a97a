-- Which rows of the last load broke the contract, by what rule, and how much of each table is it?
with rejected as (

    select
        rows.table_name,
        rule.reason,
        count(*) as rows_rejected,
        min(rows.row_key) as an_example
    from {{ ref('rejected_rows') }} as rows, unnest(rows.reasons) as rule (reason)
    group by rows.table_name, rule.reason

),

final as (

    select
        rejected.table_name,
        rejected.reason,
        rejected.rows_rejected,
        round(rejected.rows_rejected / nullif(accounting.rows_in, 0), 4) as share_of_table,
        rejected.an_example
    from rejected
    left join {{ ref('row_accounting') }} as accounting on rejected.table_name = accounting.table_name

)

-- a row that breaks two rules counts under both
select * from final
order by rows_rejected desc, table_name, reason
