"""The kinds of Segment calls, and their places in the list of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schemas.channel import Kind
from schemas.kinds import Otherwise


def _tracks(action: str | None, *names: str, **declared: Any) -> tuple[Kind, ...]:
    return tuple(Kind(f"track: {name}", action, **declared) for name in names)


_GESTURE = "gesture_ui"
_QUALITY = {"ignored": "quality of service, not a person's act"}
_COUNTED = {"ignored": "the start of the advertisement is counted"}
_MACHINE = {"ignored": "the assistant's act, not a person's: the message it answers is counted"}
_EITHER = {"ignored": "either side may end it: the messages before it are counted"}
_ORDERED = "track: Order Completed"
KINDS = (
    Kind("track", "custom"),
    *(Kind(call, "view") for call in ("page", "screen")),
    *(Kind(call, "identify") for call in ("identify", "group", "alias")),
    Kind("merge", ignored="RudderStack's, deprecated: a warehouse joins profiles, nobody acted"),
    *_tracks("join", "Video Playback Started", "Video Playback Resumed"),
    *_tracks("leave", "Video Playback Paused", "Video Playback Completed", "Video Playback Exited"),
    *_tracks("custom", "Video Playback Seek Completed", modality=_GESTURE),
    *_tracks(None, "Video Playback Seek Started", ignored="its completion is counted"),
    *_tracks(None, "Video Playback Interrupted", "Video Quality Updated", **_QUALITY),
    *_tracks(None, "Video Playback Buffer Started", "Video Playback Buffer Completed", **_QUALITY),
    *_tracks("view", "Video Content Started"),
    *_tracks("heartbeat", "Video Content Playing"),
    *_tracks("leave", "Video Content Completed"),
    *_tracks("expose", "Video Ad Started"),
    *_tracks(None, "Video Ad Playing", "Video Ad Completed", **_COUNTED),
    *_tracks("search", "Products Searched", modality="text"),
    *_tracks("view", "Product List Viewed", "Product Viewed", "Cart Viewed"),
    *_tracks("option_select", "Product List Filtered", "Product Added", modality=_GESTURE),
    *_tracks("custom", "Product Removed", "Product Removed from Wishlist", modality=_GESTURE),
    *_tracks("option_select", "Product Added to Wishlist", modality=_GESTURE),
    *_tracks("option_select", "Wishlist Product Added to Cart", modality=_GESTURE),
    *_tracks("expose", "Promotion Viewed"),
    *_tracks("click", "Promotion Clicked", "Product Clicked", modality=_GESTURE),
    *_tracks("view", "Checkout Step Viewed"),
    *_tracks("custom", "Checkout Started", "Checkout Step Completed", "Payment Info Entered"),
    Kind(_ORDERED, "purchase", modality="purchase", mutable=True),
    Kind("track: Order Updated", "purchase", "update", "purchase"),
    Kind("track: Order Cancelled", "purchase", "retract", "purchase", undoes=_ORDERED),
    *_tracks(None, "Order Refunded", ignored="a refund does not undo the purchase decision"),
    *_tracks("custom", "Coupon Entered", "Coupon Applied", "Coupon Removed"),
    *_tracks(None, "Coupon Denied", ignored="the shop's act, not a person's"),
    *_tracks("share", "Product Shared", "Cart Shared", modality=_GESTURE),
    *_tracks("comment", "Product Reviewed", modality="text"),
    *_tracks("lead", "Lead Generated"),
    *_tracks("deliver", "Email Delivered", "Push Notification Received"),
    *_tracks("open", "Email Opened", "Push Notification Tapped"),
    *_tracks("click", "Email Link Clicked", "Deep Link Clicked", modality=_GESTURE),
    *_tracks("fail_delivery", "Email Bounced", "Push Notification Bounced"),
    *_tracks("complain", "Email Marked as Spam"),
    *_tracks("unsubscribe", "Unsubscribed", "Application Uninstalled"),
    *_tracks("consent", "Segment Consent Preference Updated"),
    *_tracks("join", "Application Opened", "Application Unhidden"),
    *_tracks("leave", "Application Backgrounded", "Application Hidden", "Application Terminated"),
    *_tracks("custom", "Application Installed", "Application Updated"),
    *_tracks(None, "Application Crashed", **_QUALITY),
    *_tracks(
        None, "Install Attributed", ignored="a provider's word on an install, not the install"
    ),
    *_tracks(None, "Deep Link Opened", ignored="Application Opened comes beside it"),
    *_tracks("expose", "Experiment Viewed"),
    *_tracks("custom", "Live Chat Conversation Started", "Conversation Started", modality="text"),
    *_tracks("reply", "Live Chat Message Sent", "Message Sent", modality="text"),
    *_tracks("deliver", "Live Chat Message Received"),
    *_tracks(None, "Live Chat Conversation Ended", "Conversation Ended", **_EITHER),
    *_tracks(None, "Message Received", "Tool Invoked", **_MACHINE),
    *_tracks(None, "Media Generated", "Component Loaded", **_MACHINE),
    *_tracks("custom", "Feedback Submitted", "Signed Up", "Signed In", modality=_GESTURE),
    *_tracks("custom", "Invite Sent", "Trial Started", modality=_GESTURE),
    *_tracks("leave", "Signed Out"),
    *_tracks("profile", "Account Created", "Account Deleted"),
    *_tracks("profile", "Account Added User", "Account Removed User"),
    *_tracks(None, "Trial Ended", ignored="time ran out, nobody acted"),
)

NAMES = (*(kind.name for kind in KINDS), "")
"""Kinds by place; the last is that of calls no document knows."""

PLACE = {name: place for place, name in enumerate(NAMES)}
_TRACKS = Otherwise(
    PLACE["track"], {name.removeprefix("track: "): PLACE[name] for name in NAMES if ": " in name}
)
_CALLS = Otherwise(PLACE[""], {name: PLACE[name] for name in NAMES if ": " not in name})

PLAYING, STARTED = "track: Video Content Playing", "track: Video Playback Started"
VIDEOS = frozenset(name for name in NAMES if name.startswith("track: Video "))
ADVERTS = frozenset(PLACE[name] for name in VIDEOS if name.startswith("track: Video Ad "))
ORDERS = frozenset(PLACE[f"track: Order {done}"] for done in ("Completed", "Updated", "Cancelled"))
WORDS = frozenset(PLACE[f"track: {kind}"] for kind in ("Products Searched", "Product Reviewed"))


def places(types: Sequence[str], events: Sequence[str | None]) -> bytes:
    """The place in NAMES of the kind of each call; there are fewer than 256."""
    if types.count("track") == len(types):
        return bytes(map(_TRACKS.__getitem__, events))
    return bytes(
        [_TRACKS[event] if type == "track" else _CALLS[type] for type, event in zip(types, events)]
    )
