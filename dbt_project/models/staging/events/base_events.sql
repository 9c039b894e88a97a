{{ config(pre_hook="{{ drop_old_events() }}") }}
-- depends_on: {{ ref('policy_values') }}
{{ base_table('events') }}
