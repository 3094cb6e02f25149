"""What vendors document, written down from their documents and not from ours: none of it fails."""

from __future__ import annotations

import pytest

from schemas.channels import registered_channels
from tests.checks import decode_records


def words(text: str) -> list[str]:
    return text.split()


# Documents as they could be read on 29 November 2026; most of them have no date of their own.

# Segment, documentation, Spec: calls. RudderStack, Event Spec: merge, discontinued 1 May 2025.
SEGMENT_CALLS = words("track page screen identify group alias merge")

# Segment, documentation, Spec: Video Spec; V2 Ecommerce Events; Email; Native Mobile Spec; Desktop
# Spec; Live Chat; A/B Testing; B2B SaaS; AI Copilot. Consent in Unify.
SEGMENT_EVENTS = """
Video Playback Started
Video Playback Paused
Video Playback Interrupted
Video Playback Buffer Started
Video Playback Buffer Completed
Video Playback Seek Started
Video Playback Seek Completed
Video Playback Resumed
Video Playback Completed
Video Playback Exited
Video Content Started
Video Content Playing
Video Content Completed
Video Ad Started
Video Ad Playing
Video Ad Completed
Video Quality Updated
Products Searched
Product List Viewed
Product List Filtered
Promotion Viewed
Promotion Clicked
Product Clicked
Product Viewed
Product Added
Product Removed
Cart Viewed
Checkout Started
Checkout Step Viewed
Checkout Step Completed
Payment Info Entered
Order Completed
Order Updated
Order Refunded
Order Cancelled
Coupon Entered
Coupon Applied
Coupon Denied
Coupon Removed
Product Added to Wishlist
Product Removed from Wishlist
Wishlist Product Added to Cart
Product Shared
Cart Shared
Product Reviewed
Email Bounced
Email Delivered
Email Link Clicked
Email Marked as Spam
Email Opened
Unsubscribed
Application Installed
Application Opened
Application Backgrounded
Application Updated
Application Uninstalled
Application Crashed
Application Hidden
Application Unhidden
Application Terminated
Install Attributed
Push Notification Received
Push Notification Tapped
Push Notification Bounced
Deep Link Opened
Deep Link Clicked
Live Chat Conversation Started
Live Chat Conversation Ended
Live Chat Message Sent
Live Chat Message Received
Experiment Viewed
Account Created
Account Deleted
Signed Up
Signed In
Signed Out
Invite Sent
Account Added User
Account Removed User
Trial Started
Trial Ended
Conversation Started
Message Sent
Message Received
Conversation Ended
Tool Invoked
Media Generated
Component Loaded
Feedback Submitted
Segment Consent Preference Updated
""".strip().splitlines()

# YouTube, Live Streaming API v3, LiveChatMessages: snippet.type, with the placeholder that the API's
# discovery document and stream_list.proto have.
YOUTUBE = words("""
chatEndedEvent fanFundingEvent giftEvent giftMembershipReceivedEvent invalidType
memberMilestoneChatEvent membershipGiftingEvent messageDeletedEvent messageRetractedEvent
newSponsorEvent pollEvent sponsorOnlyModeEndedEvent sponsorOnlyModeStartedEvent superChatEvent
superStickerEvent textMessageEvent tombstone userBannedEvent
""")

# Mailjet, Email API guides, Event API.
MAILJET = words("sent open click bounce spam blocked unsub")

# Iterable, support article 208013936, System Webhooks: example payloads.
ITERABLE = words("""
emailSend emailBounce emailClick emailComplaint emailOpen emailSendSkip emailSubscribe
emailUnSubscribe embeddedClick embeddedImpression embeddedReceived embeddedSession
hostedUnsubscribeClick inAppClick inAppDelete inAppRecall inAppOpen inAppSend inAppSendSkip
journeyExit pushBounce pushOpen pushSend pushSendSkip pushUninstall smsBounce smsClick smsReceived
smsSend smsSendSkip webPushClick webPushSend webPushSendSkip whatsAppReceived whatsAppSeen
whatsAppSend whatsAppClick whatsAppBounce whatsAppSendSkip
""")

# Iterable, API, export/data: messages' data types that the article lacks.
ITERABLE_EXPORTED = words("""
embeddedSend embeddedSendSkip inAppClose inAppDelivery inboxMessageImpression inboxSession
""")

# Customer.io, Reporting Webhooks API and App API, events of a reporting webhook.
CUSTOMERIO = """
customer: subscribed
customer: unsubscribed
customer: cio_subscription_preferences_changed
email: drafted
email: attempted
email: sent
email: delivered
email: deferred
email: opened
email: clicked
email: converted
email: unsubscribed
email: bounced
email: dropped
email: spammed
email: failed
email: undeliverable
push: drafted
push: attempted
push: sent
push: delivered
push: opened
push: clicked
push: converted
push: bounced
push: dropped
push: failed
push: undeliverable
sms: drafted
sms: attempted
sms: sent
sms: delivered
sms: clicked
sms: converted
sms: replied
sms: bounced
sms: dropped
sms: failed
sms: undeliverable
whatsapp: drafted
whatsapp: attempted
whatsapp: sent
whatsapp: delivered
whatsapp: opened
whatsapp: clicked
whatsapp: converted
whatsapp: replied
whatsapp: bounced
whatsapp: dropped
whatsapp: failed
whatsapp: undeliverable
in_app: drafted
in_app: attempted
in_app: sent
in_app: opened
in_app: clicked
in_app: converted
in_app: failed
in_app: undeliverable
slack: drafted
slack: attempted
slack: sent
slack: clicked
slack: converted
slack: dropped
slack: failed
slack: undeliverable
webhook: drafted
webhook: attempted
webhook: sent
webhook: clicked
webhook: converted
webhook: dropped
webhook: failed
webhook: undeliverable
""".strip().splitlines()

DOCUMENTED = {
    "segment": SEGMENT_CALLS + [f"track: {event}" for event in SEGMENT_EVENTS],
    "youtube_chat": YOUTUBE,
    "mailjet": MAILJET,
    "iterable": ITERABLE + ITERABLE_EXPORTED,
    "customerio": CUSTOMERIO,
}

# Kinds we tell apart of one of the vendor's, or take though no document we read has them.
OURS = {
    "segment": ["track: Lead Generated"],
    "youtube_chat": ["textMessageEvent: emoji", "giftEvent: combo"],
    "iterable": ["emailSubscribe: signupSource is no form"],
    "customerio": ["in_app: dropped"],
}


@pytest.mark.parametrize("channel", DOCUMENTED)
def test_the_table_of_a_channel_is_its_vendor_s_list(channel: str) -> None:
    table = [kind.name for kind in registered_channels()[channel].kinds]

    assert sorted(table) == sorted(DOCUMENTED[channel] + OURS.get(channel, []))


# IANA, Hypertext Transfer Protocol (HTTP) Method Registry, updated 17 June 2026, and PURGE of
# caches, which is not in it. Left out: `*`, which is reserved, PRI, which no server answers, and
# LINK and UNLINK, which no standard defines any more.
METHODS = words("""
ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DELETE GET HEAD LABEL LOCK MERGE MKACTIVITY
MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE OPTIONS ORDERPATCH PATCH POST PROPFIND PROPPATCH
PURGE PUT QUERY REBIND REPORT SEARCH TRACE UNBIND UNCHECKOUT UNLOCK UPDATE UPDATEREDIRECTREF
VERSION-CONTROL
""")


@pytest.mark.parametrize("method", METHODS)
def test_no_method_that_is_registered_fails(method: str) -> None:
    line = f'192.0.2.1 - - [02/Mar/2026:10:00:00 +0000] "{method} /news HTTP/1.1" 200 9'
    result = decode_records([line.encode()], registered_channels()["access_log"])

    assert result.failed.to_pylist() == []
    assert result.events.num_rows + result.ignored.total() == 1
