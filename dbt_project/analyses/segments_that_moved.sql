-- Which segments gained or lost users since the last build of an earlier day?
-- Without rows until two days are on record; moves of fewer users than min_audience_size are not shown and not counted.
with latest as (

    select max(to_as_of_date) as to_as_of_date
    from {{ ref('segment_migration') }}

),

moves as (

    select
        migration.from_as_of_date,
        migration.to_as_of_date,
        migration.dimension,
        migration.from_segment,
        migration.to_segment,
        migration.users
    from {{ ref('segment_migration') }} as migration
    inner join latest on migration.to_as_of_date = latest.to_as_of_date
    where migration.from_segment <> migration.to_segment and migration.users is not null

),

sides as (

    select
        from_as_of_date,
        to_as_of_date,
        dimension,
        to_segment as segment,
        users as came,
        0 as went
    from moves

    union all

    select
        from_as_of_date,
        to_as_of_date,
        dimension,
        from_segment as segment,
        0 as came,
        users as went
    from moves

),

final as (

    select
        from_as_of_date,
        to_as_of_date,
        dimension,
        segment,
        sum(came) as came,
        sum(went) as went,
        sum(came) - sum(went) as net
    from sides
    where segment <> 'absent'
    group by from_as_of_date, to_as_of_date, dimension, segment

)

select * from final
order by abs(net) desc, dimension, segment
