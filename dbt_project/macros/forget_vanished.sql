{# After scoring: drop the scores of rows that are no longer there, or whose user withdrew consent to personalisation. #}
{% macro forget_vanished(features_model, keys) -%}
    delete from {{ this }} as scored
    where
        {{ is_touched('scored') }}
        and not exists (
            select 1
            from {{ ref(features_model) }} as inputs
            inner join {{ ref('user_permissions') }} as permissions
                on inputs.as_of_date = permissions.as_of_date and inputs.user_id = permissions.user_id
            where
                permissions.personalisation_consent
                and {{ is_touched('inputs') }}
                {% for key in keys %}and inputs.{{ key }} = scored.{{ key }}
                {% endfor %}
        )
{%- endmacro %}
