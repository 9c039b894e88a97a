{#
    Drops the shop's raw events, and what people typed into the search, once they are older than policy keeps them: days before the
    newest event; 0 keeps them. What is dropped is counted in shop.left_out. Of a shop that keeps its tables itself, that is its own
    affair. `step` is count, drop or blank, in that order.
#}
{% macro forget_old_events(step) -%}
    {%- if not execute or var('shop_database', none) -%}{{ return('') }}{%- endif -%}
    {%- set events = shop_relation('events') -%}
    {%- set left_out = relation_of_shop('left_out') -%}
    {%- if events is none or left_out is none -%}{{ return('') }}{%- endif -%}
    {%- set columns = columns_of_shop(events) -%}
    {%- if 'event_at' not in columns -%}{{ return('') }}{%- endif -%}
    {%- set event_at = cast_to_contract(quoted_name(columns['event_at'].name) | trim, 'timestamp', columns['event_at'].data_type) | trim -%}
    {%- set newest = '(select max(' ~ event_at ~ ') from ' ~ events ~ ' where ' ~ event_at ~ ' <= ' ~ utc_now() ~ ')' -%}
    {%- set days = policy_value('query_text_days' if step == 'blank' else 'raw_events_days') | trim -%}
    {%- set is_old = days ~ ' > 0 and cast(' ~ event_at ~ ' as date) < '
        ~ add_days('cast(' ~ newest ~ ' as date)', '-1 * ' ~ days) -%}
    {%- if step == 'count' %}
    insert into {{ left_out }}
    select
        'events' as table_name,
        'RETENTION' as reason,
        count(*) as row_count
    from {{ events }}
    where {{ is_old }}
    having count(*) > 0
    {%- elif step == 'drop' %}
    delete from {{ events }} where {{ is_old }}
    {%- elif 'query' in columns %}
    update {{ events }} set query = null where query is not null and {{ is_old }}
    {%- endif %}
{%- endmacro %}
