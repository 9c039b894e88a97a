{# Arrays: DuckDB's lists, Spark's arrays. #}

{% macro array_of(expressions) %}{{ adapter.dispatch('array_of')(expressions) }}{% endmacro %}
{% macro default__array_of(expressions) %}array({{ expressions | join(', ') }}){% endmacro %}
{% macro duckdb__array_of(expressions) %}[{{ expressions | join(', ') }}]{% endmacro %}

{# A vector for a scoring function: single precision, nulls kept. #}
{% macro float_vector(expressions) %}{{ adapter.dispatch('float_vector')(expressions) }}{% endmacro %}
{% macro default__float_vector(expressions) %}cast(array({{ expressions | join(', ') }}) as array<float>){% endmacro %}
{% macro duckdb__float_vector(expressions) %}[{{ expressions | join(', ') }}]::float[]{% endmacro %}

{# The non-null ones of some string expressions. #}
{% macro compact_array(expressions) %}{{ adapter.dispatch('compact_array')(expressions) }}{% endmacro %}
{% macro default__compact_array(expressions) %}array_compact(array({{ expressions | join(', ') }})){% endmacro %}
{% macro duckdb__compact_array(expressions) -%}
    {%- if not expressions -%} []::string[]
    {%- else -%} list_filter([{{ expressions | join(', ') }}]::string[], lambda item: item is not null)
    {%- endif -%}
{%- endmacro %}

{# Those of some names whose place, from 0, is a bit of a whole number. #}
{% macro names_of_bits(bits, names) %}{{ adapter.dispatch('names_of_bits')(bits, names) }}{% endmacro %}
{% macro default__names_of_bits(bits, names) -%}
    filter(array('{{ names | join("', '") }}'), (name, place) -> (shiftright({{ bits }}, place) & 1) = 1)
{%- endmacro %}
{% macro duckdb__names_of_bits(bits, names) -%}
    list_where(
        ['{{ names | join("', '") }}'], list_transform(range({{ names | length }}), lambda place: ({{ bits }} >> place) & 1 = 1)
    )
{%- endmacro %}

{% macro concat_arrays(first, second) %}{{ adapter.dispatch('concat_arrays')(first, second) }}{% endmacro %}
{% macro default__concat_arrays(first, second) %}concat({{ first }}, {{ second }}){% endmacro %}
{% macro duckdb__concat_arrays(first, second) %}list_concat({{ first }}, {{ second }}){% endmacro %}

{% macro array_size(value) %}{{ adapter.dispatch('array_size')(value) }}{% endmacro %}
{% macro default__array_size(value) %}size({{ value }}){% endmacro %}
{% macro duckdb__array_size(value) %}len({{ value }}){% endmacro %}

{# First element, or null. #}
{% macro first_element(value) %}{{ adapter.dispatch('first_element')(value) }}{% endmacro %}
{% macro default__first_element(value) %}get({{ value }}, 0){% endmacro %}
{% macro duckdb__first_element(value) %}list_extract({{ value }}, 1){% endmacro %}

{# Element at a position counted from 1, or null. #}
{% macro element_of(value, position) %}{{ adapter.dispatch('element_of')(value, position) }}{% endmacro %}
{% macro default__element_of(value, position) %}get({{ value }}, {{ position }} - 1){% endmacro %}
{% macro duckdb__element_of(value, position) %}list_extract({{ value }}, {{ position }}){% endmacro %}

{# A relation with one row an element of an array, in the column `name`. #}
{% macro exploded(value, name) %}{{ adapter.dispatch('exploded')(value, name) }}{% endmacro %}
{% macro default__exploded(value, name) %}(select explode({{ value }}) as {{ name }}){% endmacro %}
{% macro duckdb__exploded(value, name) %}(select unnest({{ value }}) as {{ name }}){% endmacro %}

{% macro join_array(value, separator) %}{{ adapter.dispatch('join_array')(value, separator) }}{% endmacro %}
{% macro default__join_array(value, separator) %}array_join({{ value }}, '{{ separator }}'){% endmacro %}
{% macro duckdb__join_array(value, separator) %}array_to_string({{ value }}, '{{ separator }}'){% endmacro %}

{# Aggregate: the values in ascending order of `order_by`. #}
{% macro collect_ordered(value, order_by) %}{{ adapter.dispatch('collect_ordered')(value, order_by) }}{% endmacro %}
{% macro default__collect_ordered(value, order_by) -%}
    transform(array_sort(collect_list(struct({{ order_by }} as position, {{ value }} as item))), entry -> entry.item)
{%- endmacro %}
{% macro duckdb__collect_ordered(value, order_by) %}list({{ value }} order by {{ order_by }}){% endmacro %}

{# An array brought to `length` by putting `filler` before it. #}
{% macro pad_left(value, length, filler) %}{{ adapter.dispatch('pad_left')(value, length, filler) }}{% endmacro %}
{% macro default__pad_left(value, length, filler) -%}
    concat(array_repeat({{ filler }}, {{ length }} - size({{ value }})), {{ value }})
{%- endmacro %}
{% macro duckdb__pad_left(value, length, filler) -%}
    list_concat(list_transform(range({{ length }} - len({{ value }})), lambda position: {{ filler }}), {{ value }})
{%- endmacro %}

{# In a select list: one row for each part of a text between separators. #}
{% macro split_rows(value, separator) %}{{ adapter.dispatch('split_rows')(value, separator) }}{% endmacro %}
{% macro default__split_rows(value, separator) %}explode(split({{ value }}, '[{{ separator }}]')){% endmacro %}
{% macro duckdb__split_rows(value, separator) %}unnest(string_split({{ value }}, '{{ separator }}')){% endmacro %}

{# An array of numbers as a vector for a scoring function. #}
{% macro as_float_vector(value) %}{{ adapter.dispatch('as_float_vector')(value) }}{% endmacro %}
{% macro default__as_float_vector(value) %}cast({{ value }} as array<float>){% endmacro %}
{% macro duckdb__as_float_vector(value) %}cast({{ value }} as float[]){% endmacro %}

{# An array but for its last item. #}
{% macro without_last(value) %}{{ adapter.dispatch('without_last')(value) }}{% endmacro %}
{% macro default__without_last(value) %}slice({{ value }}, 1, size({{ value }}) - 1){% endmacro %}
{% macro duckdb__without_last(value) %}({{ value }})[:-2]{% endmacro %}

{# The rank of each item of an array of numbers by its size without its sign, the largest 1; of equal ones the first comes first. #}
{% macro ranks_by_size(value) %}{{ adapter.dispatch('ranks_by_size')(value) }}{% endmacro %}
{% macro default__ranks_by_size(value) -%}
    transform({{ value }}, (item, place) -> 1 + size(filter(
        {{ value }}, (other, beside) -> abs(other) > abs(item) or (abs(other) = abs(item) and beside < place)
    )))
{%- endmacro %}
{% macro duckdb__ranks_by_size(value) -%}
    list_grade_up(list_grade_up(list_transform({{ value }}, lambda item: -abs(item))))
{%- endmacro %}
