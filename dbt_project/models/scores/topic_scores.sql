-- the share of each topic in what a user buys and looks at; scored again only when input or model changed
{{ scored('topics', 'topic_documents', keys=['user_id'], arguments=['words', 'word_counts'], score='topic_shares') }}
