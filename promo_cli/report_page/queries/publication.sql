-- what is published, schema by schema
select
    split_part(relation, '.', 1) as schema_name,
    count(*) as relations,
    sum(row_count) as rows_published
from audits.publication
group by schema_name
order by rows_published desc
