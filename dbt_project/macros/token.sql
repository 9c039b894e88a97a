{#
    The token scheme of purchase_intent. A token is a word hashed into 1 … vocabulary - 1 by md5; 0 is the pad. The word says
    what kind of event it was and how long before the as-of date: order, counts and gaps between events are all in those gaps,
    and max pooling can't blur them. models_onnx/purchase_intent/card.json reports what other schemes reached.
#}
{% macro sequence_length() %}{{ return(50) }}{% endmacro %}
{% macro token_vocabulary() %}{{ return(10000) }}{% endmacro %}

{# Upper edges of the wider classes of gaps, in days. #}
{% macro gap_edges() %}{{ return([17, 21, 24, 28, 35, 42, 49, 56, 70, 84, 112, 140, 182]) }}{% endmacro %}

{# The class of a gap in days, named by its upper edge: single days for two weeks, then wider. #}
{% macro gap_class(days) -%}
    case
        when {{ days }} <= 14 then cast({{ days }} as string)
        {% for edge in gap_edges() -%}
        when {{ days }} <= {{ edge }} then '{{ edge }}'
        {% endfor -%}
        else 'older'
    end
{%- endmacro %}

{% macro token(word) -%}
    ({{ hash_bucket(word, token_vocabulary() - 1) }} + 1)
{%- endmacro %}
