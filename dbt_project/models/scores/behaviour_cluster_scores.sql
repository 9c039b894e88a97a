-- which group of users each user shops like; scored again only when input or model changed
{{ scored('behaviour_cluster', 'user_behaviour', keys=['user_id'], score='cluster') }}
