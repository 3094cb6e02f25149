SELECT
  day,
  window_kind,
  window_start,
  window_end,
  grouping_set,
  channel,
  content_id,
  brand_id,
  traffic,
  MAX(CASE WHEN metric = 'engagement_rate_actions' THEN value END) AS engagement_rate_actions,
  MAX(CASE WHEN metric = 'engagement_rate_actions' THEN interval_low END) AS engagement_rate_actions_low,
  MAX(CASE WHEN metric = 'engagement_rate_actions' THEN interval_high END) AS engagement_rate_actions_high,
  MAX(CASE WHEN metric = 'engagement_rate_actions' THEN n END) AS engagement_rate_actions_n,
  MAX(CASE WHEN metric = 'engagement_rate_actions' THEN suppressed_reason END) AS engagement_rate_actions_suppressed,
  MAX(CASE WHEN metric = 'engagement_rate_engagers' THEN value END) AS engagement_rate_engagers,
  MAX(CASE WHEN metric = 'engagement_rate_engagers' THEN interval_low END) AS engagement_rate_engagers_low,
  MAX(CASE WHEN metric = 'engagement_rate_engagers' THEN interval_high END) AS engagement_rate_engagers_high,
  MAX(CASE WHEN metric = 'engagement_rate_engagers' THEN n END) AS engagement_rate_engagers_n,
  MAX(CASE WHEN metric = 'engagement_rate_engagers' THEN suppressed_reason END) AS engagement_rate_engagers_suppressed,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'click' THEN value END) AS interaction_mix_click,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'click' THEN interval_low END) AS interaction_mix_click_low,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'click' THEN interval_high END) AS interaction_mix_click_high,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'click' THEN n END) AS interaction_mix_click_n,
  MAX(
    CASE WHEN metric = 'interaction_mix' AND item = 'click' THEN suppressed_reason END
  ) AS interaction_mix_click_suppressed,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'like' THEN value END) AS interaction_mix_like,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'like' THEN interval_low END) AS interaction_mix_like_low,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'like' THEN interval_high END) AS interaction_mix_like_high,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'like' THEN n END) AS interaction_mix_like_n,
  MAX(
    CASE WHEN metric = 'interaction_mix' AND item = 'like' THEN suppressed_reason END
  ) AS interaction_mix_like_suppressed,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'dislike' THEN value END) AS interaction_mix_dislike,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'dislike' THEN interval_low END) AS interaction_mix_dislike_low,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'dislike' THEN interval_high END) AS interaction_mix_dislike_high,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'dislike' THEN n END) AS interaction_mix_dislike_n,
  MAX(
    CASE
      WHEN metric = 'interaction_mix' AND item = 'dislike'
      THEN suppressed_reason
    END
  ) AS interaction_mix_dislike_suppressed,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'react' THEN value END) AS interaction_mix_react,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'react' THEN interval_low END) AS interaction_mix_react_low,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'react' THEN interval_high END) AS interaction_mix_react_high,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'react' THEN n END) AS interaction_mix_react_n,
  MAX(
    CASE WHEN metric = 'interaction_mix' AND item = 'react' THEN suppressed_reason END
  ) AS interaction_mix_react_suppressed,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'comment' THEN value END) AS interaction_mix_comment,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'comment' THEN interval_low END) AS interaction_mix_comment_low,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'comment' THEN interval_high END) AS interaction_mix_comment_high,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'comment' THEN n END) AS interaction_mix_comment_n,
  MAX(
    CASE
      WHEN metric = 'interaction_mix' AND item = 'comment'
      THEN suppressed_reason
    END
  ) AS interaction_mix_comment_suppressed,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'reply' THEN value END) AS interaction_mix_reply,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'reply' THEN interval_low END) AS interaction_mix_reply_low,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'reply' THEN interval_high END) AS interaction_mix_reply_high,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'reply' THEN n END) AS interaction_mix_reply_n,
  MAX(
    CASE WHEN metric = 'interaction_mix' AND item = 'reply' THEN suppressed_reason END
  ) AS interaction_mix_reply_suppressed,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'follow' THEN value END) AS interaction_mix_follow,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'follow' THEN interval_low END) AS interaction_mix_follow_low,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'follow' THEN interval_high END) AS interaction_mix_follow_high,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'follow' THEN n END) AS interaction_mix_follow_n,
  MAX(
    CASE WHEN metric = 'interaction_mix' AND item = 'follow' THEN suppressed_reason END
  ) AS interaction_mix_follow_suppressed,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'subscribe' THEN value END) AS interaction_mix_subscribe,
  MAX(
    CASE WHEN metric = 'interaction_mix' AND item = 'subscribe' THEN interval_low END
  ) AS interaction_mix_subscribe_low,
  MAX(
    CASE WHEN metric = 'interaction_mix' AND item = 'subscribe' THEN interval_high END
  ) AS interaction_mix_subscribe_high,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'subscribe' THEN n END) AS interaction_mix_subscribe_n,
  MAX(
    CASE
      WHEN metric = 'interaction_mix' AND item = 'subscribe'
      THEN suppressed_reason
    END
  ) AS interaction_mix_subscribe_suppressed,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'option_select' THEN value END) AS interaction_mix_option_select,
  MAX(
    CASE
      WHEN metric = 'interaction_mix' AND item = 'option_select'
      THEN interval_low
    END
  ) AS interaction_mix_option_select_low,
  MAX(
    CASE
      WHEN metric = 'interaction_mix' AND item = 'option_select'
      THEN interval_high
    END
  ) AS interaction_mix_option_select_high,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'option_select' THEN n END) AS interaction_mix_option_select_n,
  MAX(
    CASE
      WHEN metric = 'interaction_mix' AND item = 'option_select'
      THEN suppressed_reason
    END
  ) AS interaction_mix_option_select_suppressed,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'search' THEN value END) AS interaction_mix_search,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'search' THEN interval_low END) AS interaction_mix_search_low,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'search' THEN interval_high END) AS interaction_mix_search_high,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'search' THEN n END) AS interaction_mix_search_n,
  MAX(
    CASE WHEN metric = 'interaction_mix' AND item = 'search' THEN suppressed_reason END
  ) AS interaction_mix_search_suppressed,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'vote' THEN value END) AS interaction_mix_vote,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'vote' THEN interval_low END) AS interaction_mix_vote_low,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'vote' THEN interval_high END) AS interaction_mix_vote_high,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'vote' THEN n END) AS interaction_mix_vote_n,
  MAX(
    CASE WHEN metric = 'interaction_mix' AND item = 'vote' THEN suppressed_reason END
  ) AS interaction_mix_vote_suppressed,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'propose' THEN value END) AS interaction_mix_propose,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'propose' THEN interval_low END) AS interaction_mix_propose_low,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'propose' THEN interval_high END) AS interaction_mix_propose_high,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'propose' THEN n END) AS interaction_mix_propose_n,
  MAX(
    CASE
      WHEN metric = 'interaction_mix' AND item = 'propose'
      THEN suppressed_reason
    END
  ) AS interaction_mix_propose_suppressed,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'poll_answer' THEN value END) AS interaction_mix_poll_answer,
  MAX(
    CASE WHEN metric = 'interaction_mix' AND item = 'poll_answer' THEN interval_low END
  ) AS interaction_mix_poll_answer_low,
  MAX(
    CASE
      WHEN metric = 'interaction_mix' AND item = 'poll_answer'
      THEN interval_high
    END
  ) AS interaction_mix_poll_answer_high,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'poll_answer' THEN n END) AS interaction_mix_poll_answer_n,
  MAX(
    CASE
      WHEN metric = 'interaction_mix' AND item = 'poll_answer'
      THEN suppressed_reason
    END
  ) AS interaction_mix_poll_answer_suppressed,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'share' THEN value END) AS interaction_mix_share,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'share' THEN interval_low END) AS interaction_mix_share_low,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'share' THEN interval_high END) AS interaction_mix_share_high,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'share' THEN n END) AS interaction_mix_share_n,
  MAX(
    CASE WHEN metric = 'interaction_mix' AND item = 'share' THEN suppressed_reason END
  ) AS interaction_mix_share_suppressed,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'recommend' THEN value END) AS interaction_mix_recommend,
  MAX(
    CASE WHEN metric = 'interaction_mix' AND item = 'recommend' THEN interval_low END
  ) AS interaction_mix_recommend_low,
  MAX(
    CASE WHEN metric = 'interaction_mix' AND item = 'recommend' THEN interval_high END
  ) AS interaction_mix_recommend_high,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'recommend' THEN n END) AS interaction_mix_recommend_n,
  MAX(
    CASE
      WHEN metric = 'interaction_mix' AND item = 'recommend'
      THEN suppressed_reason
    END
  ) AS interaction_mix_recommend_suppressed,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'lead' THEN value END) AS interaction_mix_lead,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'lead' THEN interval_low END) AS interaction_mix_lead_low,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'lead' THEN interval_high END) AS interaction_mix_lead_high,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'lead' THEN n END) AS interaction_mix_lead_n,
  MAX(
    CASE WHEN metric = 'interaction_mix' AND item = 'lead' THEN suppressed_reason END
  ) AS interaction_mix_lead_suppressed,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'purchase' THEN value END) AS interaction_mix_purchase,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'purchase' THEN interval_low END) AS interaction_mix_purchase_low,
  MAX(
    CASE WHEN metric = 'interaction_mix' AND item = 'purchase' THEN interval_high END
  ) AS interaction_mix_purchase_high,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'purchase' THEN n END) AS interaction_mix_purchase_n,
  MAX(
    CASE
      WHEN metric = 'interaction_mix' AND item = 'purchase'
      THEN suppressed_reason
    END
  ) AS interaction_mix_purchase_suppressed,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'donate' THEN value END) AS interaction_mix_donate,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'donate' THEN interval_low END) AS interaction_mix_donate_low,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'donate' THEN interval_high END) AS interaction_mix_donate_high,
  MAX(CASE WHEN metric = 'interaction_mix' AND item = 'donate' THEN n END) AS interaction_mix_donate_n,
  MAX(
    CASE WHEN metric = 'interaction_mix' AND item = 'donate' THEN suppressed_reason END
  ) AS interaction_mix_donate_suppressed,
  MAX(CASE WHEN metric = 'comments_per_like' THEN value END) AS comments_per_like,
  MAX(CASE WHEN metric = 'comments_per_like' THEN interval_low END) AS comments_per_like_low,
  MAX(CASE WHEN metric = 'comments_per_like' THEN interval_high END) AS comments_per_like_high,
  MAX(CASE WHEN metric = 'comments_per_like' THEN n END) AS comments_per_like_n,
  MAX(CASE WHEN metric = 'comments_per_like' THEN suppressed_reason END) AS comments_per_like_suppressed,
  MIN(coverage) AS coverage,
  MAX(published_time) AS published_time
FROM `${project}`.`${dataset}_views`.`metrics_latest`
WHERE
  metric IN (
    'engagement_rate_actions',
    'engagement_rate_engagers',
    'interaction_mix',
    'comments_per_like'
  )
GROUP BY
  day,
  window_kind,
  window_start,
  window_end,
  grouping_set,
  channel,
  content_id,
  brand_id,
  traffic
