-- who went from which stage of life to which between the last two days on record
select
    from_as_of_date,
    to_as_of_date,
    from_segment,
    to_segment,
    users as people,
    share
from promotions.segment_migration
where
    dimension = 'life_cycle'
    and to_as_of_date = (select max(as_of_date) from promotions.segment_history)
order by from_segment, to_segment
