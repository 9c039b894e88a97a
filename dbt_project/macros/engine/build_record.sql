{#
    The record of builds: audits.builds has a row for every dbt command that wrote or tested, audits.build_nodes one for each of
    its models, seeds and tests. Rows are only added, and stay in the working database; a published copy carries them along. The row of
    a build is completed when it ends and when it is published, and never changes again.
    Written by hooks because dbt knows how a build ended only after its last model.
#}
{% macro start_of_build() %}{{ return(adapter.dispatch('start_of_build')()) }}{% endmacro %}
{% macro default__start_of_build() %}{{ return('') }}{% endmacro %}
{% macro duckdb__start_of_build() %}
    {%- if not execute or flags.WHICH not in ['build', 'run', 'seed', 'snapshot', 'test'] or not can_publish() -%}
        {{ return('') }}
    {%- endif -%}
    {%- do run_query('create schema if not exists audits') -%}
    {%- do run_query('
        create table if not exists audits.builds (
            build_id varchar not null, started_at timestamp not null, finished_at timestamp, command varchar not null,
            is_complete boolean, outcome varchar not null, failure varchar, as_of_date date, models_built integer,
            tests_passed integer, tests_warned integer, tests_failed integer, policy_version varchar, models varchar[],
            content_hash varchar, offerhouse_version varchar, duckdb_version varchar
        )') -%}
    {%- do run_query('alter table audits.builds add column if not exists privacy varchar') -%} {#- whether keys are pseudonyms -#}
    {%- do run_query('
        create table if not exists audits.build_nodes (
            build_id varchar not null, node varchar not null, kind varchar not null, outcome varchar not null, seconds double,
            failing_rows bigint, message varchar
        )') -%}
    {#- A build whose process was killed never came to its end. -#}
    {%- do run_query("update audits.builds set outcome = 'interrupted' where outcome = 'running'") -%}
    {%- do run_query("
        insert into audits.builds (build_id, started_at, command, outcome, privacy, offerhouse_version, duckdb_version)
        values ('" ~ invocation_id ~ "', cast(now() as timestamp), '" ~ flags.WHICH ~ "', 'running', '"
            ~ ('on' if privacy_is_on() else 'off') ~ "', offerhouse_version(), version())
        ") -%}
    {%- do begin_changes() -%}
    {{ return('') }}
{% endmacro %}

{#
    After the last node: record how it went, and publish when every model, seed and data test of the project ran in this one command
    and none failed. A command that ran fewer (`--select`) records itself alone.
#}
{% macro end_of_build(results) %}{{ return(adapter.dispatch('end_of_build')(results)) }}{% endmacro %}
{% macro default__end_of_build(results) %}{{ return('') }}{% endmacro %}
{% macro duckdb__end_of_build(results) %}
    {%- if not execute or flags.WHICH not in ['build', 'run', 'seed', 'snapshot', 'test'] or not can_publish() -%}
        {{ return('') }}
    {%- endif -%}
    {%- set nodes = [] -%}
    {%- set failed = [] -%}
    {%- set ran = {} -%}
    {%- for result in results if result.node is not none and result.node.resource_type != 'operation' -%}
        {%- do ran.update({result.node.unique_id: true}) -%}
        {%- set node = {
            'node': result.node.name, 'kind': result.node.resource_type | string, 'outcome': result.status | string,
            'seconds': result.execution_time, 'failing_rows': result.failures, 'message': result.message
        } -%}
        {%- do nodes.append(node) -%}
        {%- if node.outcome in ['error', 'fail', 'runtime error', 'partial success'] -%}{%- do failed.append(node) -%}{%- endif -%}
    {%- endfor -%}
    {%- set missed = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type in ['model', 'seed', 'snapshot', 'test'] -%}
        {%- if node.unique_id not in ran and node.config.materialized != 'ephemeral' -%}{%- do missed.append(node.name) -%}{%- endif -%}
    {%- endfor -%}
    {%- set skipped = nodes | selectattr('outcome', 'equalto', 'skipped') | list -%}
    {%- set is_complete = not missed and not skipped and not var('as_of_dates') -%}
    {%- set failure = failed[0].kind ~ ' ' ~ failed[0].node if failed else none -%}
    {%- set is_whole = is_complete and not failed and flags.WHICH == 'build' -%}
    {%- do run_query("
        insert into audits.build_nodes
        select '" ~ invocation_id ~ "', unnest(from_json(" ~ text_literal(tojson(nodes)) ~ ", '[{\"node\": \"varchar\", \"kind\": "
        ~ "\"varchar\", \"outcome\": \"varchar\", \"seconds\": \"double\", \"failing_rows\": \"bigint\", \"message\": "
        ~ "\"varchar\"}]'), max_depth := 2)") -%}
    {%- do run_query("
        update audits.builds
        set
            finished_at = cast(now() as timestamp),
            is_complete = " ~ is_complete ~ ",
            outcome = '" ~ ('failed' if failed or skipped else 'passed') ~ "',
            failure = " ~ (text_literal(failure) if failure else 'null') ~ ",
            policy_version = " ~ policy_version_of(target.database) ~ ",
            models_built = nodes.models_built,
            tests_passed = nodes.tests_passed,
            tests_warned = nodes.tests_warned,
            tests_failed = nodes.tests_failed
        from (
            select
                count(*) filter (where kind in ('model', 'seed') and outcome = 'success') as models_built,
                count(*) filter (where kind in ('test', 'unit_test') and outcome = 'pass') as tests_passed,
                count(*) filter (where kind in ('test', 'unit_test') and outcome = 'warn') as tests_warned,
                count(*) filter (where kind in ('test', 'unit_test') and outcome in ('fail', 'error')) as tests_failed
            from audits.build_nodes
            where build_id = '" ~ invocation_id ~ "'
        ) as nodes
        where build_id = '" ~ invocation_id ~ "'") -%}
    {%- if failure -%}
        {%- do log('Not published: ' ~ failure ~ ' failed; the published database stays as it was', info=true) -%}
    {%- elif is_whole -%}
        {%- do tell_changes() -%}
        {%- do keep_last_build(results) -%}
        {%- do publish() -%}
    {%- endif -%}
    {%- do end_changes() -%}
    {{ return('') }}
{% endmacro %}

{% macro text_literal(text) -%}
    {{ return("'" ~ (text | string | replace("'", "''")) ~ "'") }}
{%- endmacro %}

{#
    The record of builds as a relation that models read: no model makes it, and dbt's cache of relations is older than the hook that
    does. An empty relation where the profile keeps none.
#}
{% macro builds_on_record() -%}
    {{ adapter.dispatch('builds_on_record')() }}
{%- endmacro %}
{% macro default__builds_on_record() -%}
    (
        select
            cast(null as string) as build_id,
            cast(null as timestamp) as started_at,
            cast(null as string) as outcome,
            cast(null as string) as policy_version,
            cast(null as string) as content_hash,
            cast(null as string) as offerhouse_version
        where false
    )
{%- endmacro %}
{% macro duckdb__builds_on_record() -%}
    {%- if execute and has_table('audits', 'builds') -%} {{ adapter.quote(target.database) }}.audits.builds
    {%- else -%} {{ default__builds_on_record() }}
    {%- endif -%}
{%- endmacro %}
