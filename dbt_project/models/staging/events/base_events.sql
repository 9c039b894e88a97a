{{ config(pre_hook=["{{ forget_old_events('count') }}", "{{ forget_old_events('drop') }}", "{{ forget_old_events('blank') }}"]) }}
-- depends_on: {{ ref('policy_values') }}
{{ base_table('events') }}
