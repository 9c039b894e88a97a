{#
    What the contract of a table demands of its rows (`constraints` in YAML). The engine itself refuses a null and a row that doesn't
    meet a check; of a check of the model, not of a column, null counts as not true, as in the data test `holds`. `unique` is asked of
    the written table in the same transaction (macros/materializations), nulls counting as equal: an index over millions of rows would
    cost more than the table. Where a demand isn't met, the table stays as it was. A model that adds to its table has `unique` as the
    engine has it.
#}
{% macro duckdb__get_table_columns_and_constraints() -%}
    {%- set checks = [] -%}
    {%- for constraint in model['constraints'] if constraint['type'] != 'unique' or config.get('materialized') != 'table' -%}
        {%- set strict = dict(constraint) -%}
        {%- if constraint['type'] == 'check' -%}
            {%- do strict.update({'expression': 'coalesce(' ~ constraint['expression'] | trim ~ ', false)'}) -%}
        {%- endif -%}
        {%- do checks.append(strict) -%}
    {%- endfor -%}
    (
        {{ (adapter.render_raw_columns_constraints(raw_columns=model['columns'])
            + adapter.render_raw_model_constraints(raw_constraints=checks)) | join(',\n        ') }}
    )
{%- endmacro %}

{# The statements that fail where rows are alike that may not be; `lists`: of whom alone something changed (macros/engine/changes.sql). #}
{% macro refuse_doubles(relation, lists=none) -%}
    {%- for constraint in model['constraints'] if constraint['type'] == 'unique' and config.get('contract').enforced -%}
        {%- set is_cut = lists and 'user_id' in constraint['columns'] -%}
        {%- set rows = '(select * from ' ~ relation ~ ' where ' ~ is_listed(lists) ~ ')' if is_cut else relation %}
        select error({{ text_literal('two rows have the same ' ~ constraint['columns'] | join(', ') ~ ', which the contract forbids') }})
        where exists ({{ test_unique_combination(rows, constraint['columns']) }});
    {%- endfor -%}
{%- endmacro %}
